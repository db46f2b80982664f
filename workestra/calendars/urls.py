from django.urls import path

from workestra.calendars.views import accounts, connect, notices

app_name = "calendars"
urlpatterns = [
    path("settings/connected-accounts", accounts.index, name="accounts"),
    path("settings/connected-accounts/connect/<str:kind>", connect.connect, name="connect"),
    path("settings/connected-accounts/callback/<str:kind>", connect.callback, name="callback"),
    path("settings/connected-accounts/feed", accounts.feed_new, name="feed_new"),
    path("settings/connected-accounts/feed/close", accounts.feed_close, name="feed_close"),
    path("settings/connected-accounts/write-again", accounts.write_again, name="write_again"),
    path("settings/connected-accounts/<uuid:account_id>/read", accounts.read, name="read"),
    path("settings/connected-accounts/<uuid:account_id>/disconnect", accounts.disconnect, name="disconnect"),
    path("calendar-notices/google", notices.google, name="google_notice"),
    path("calendar-notices/microsoft", notices.microsoft, name="microsoft_notice"),
]
