from django.urls import path

from workestra.notifications import views

app_name = "notifications"
urlpatterns = [
    path("mailbox", views.mailbox, name="mailbox"),
    path("mailbox/empty", views.empty, name="mailbox_empty"),
    path("mailbox/<uuid:mail_id>", views.mailbox, name="mail"),
    path("mailbox/<uuid:mail_id>/html", views.mail_html, name="mail_html"),
    path("mailbox/<uuid:mail_id>/invite.ics", views.mail_invite, name="mail_invite"),
    path("mailbox/<uuid:mail_id>/source.eml", views.mail_source, name="mail_source"),
]
