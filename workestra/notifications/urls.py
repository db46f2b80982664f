from django.urls import path

from workestra.notifications.views import mailbox, notices, outbox

app_name = "notifications"
urlpatterns = [
    path("calendar/notices", notices.notices, name="notices"),
    path("calendar/notices/read", notices.read, name="notices_read"),
    path("settings/mail", outbox.outbox, name="outbox"),
    path("settings/mail/retry", outbox.retry_all, name="outbox_retry_all"),
    path("settings/mail/<uuid:message_id>/retry", outbox.retry, name="outbox_retry"),
    path("mailbox", mailbox.mailbox, name="mailbox"),
    path("mailbox/empty", mailbox.empty, name="mailbox_empty"),
    path("mailbox/<uuid:mail_id>", mailbox.mailbox, name="mail"),
    path("mailbox/<uuid:mail_id>/html", mailbox.mail_html, name="mail_html"),
    path("mailbox/<uuid:mail_id>/invite.ics", mailbox.mail_invite, name="mail_invite"),
    path("mailbox/<uuid:mail_id>/source.eml", mailbox.mail_source, name="mail_source"),
]
