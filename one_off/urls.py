from django.urls import path

from one_off.views import editing, holds, host, public

app_name = "one_off"
urlpatterns = [
    path("calendar/one-off", host.index, name="list"),
    path("calendar/one-off/new", editing.new, name="new"),
    path("calendar/one-off/<uuid:one_off_id>", host.detail, name="detail"),
    path("calendar/one-off/<uuid:one_off_id>/edit", editing.edit, name="edit"),
    path("calendar/one-off/<uuid:one_off_id>/withdraw", host.withdraw, name="withdraw"),
    path("calendar/holds", holds.index, name="holds"),
    path("calendar/holds/retry", holds.retry, name="holds_retry"),
    path("one-off/<str:token>", public.pick, name="pick"),
]
