from django.urls import path

from workestra.sms.views import number, webhooks

app_name = "sms"
urlpatterns = [
    path("calendar/notices/phone", number.number, name="number"),
    path("calendar/notices/phone/code", number.confirm, name="confirm"),
    path("calendar/notices/phone/remove", number.forget, name="forget"),
    path("api/sms/inbound", webhooks.inbound, name="inbound"),
    path("api/sms/status/<uuid:message_id>", webhooks.status, name="status"),
]
