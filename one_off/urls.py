from django.urls import path

from one_off.selectors import PICK
from one_off.views import answers, editing, holds, host, proposing, public

app_name = "one_off"
urlpatterns = [
    path("calendar/one-off", host.index, name="list"),
    path("calendar/one-off/new", editing.new, name="new"),
    path("calendar/one-off/<uuid:one_off_id>", host.detail, name="detail"),
    path("calendar/one-off/<uuid:one_off_id>/edit", editing.edit, name="edit"),
    path("calendar/one-off/<uuid:one_off_id>/withdraw", host.withdraw, name="withdraw"),
    path("calendar/one-off/<uuid:one_off_id>/zone", host.write_in, name="write_in"),
    path("calendar/one-off/proposals/<uuid:proposal_id>/accept", answers.accept, name="accept"),
    path("calendar/one-off/proposals/<uuid:proposal_id>/decline", answers.decline, name="decline"),
    path("calendar/holds", holds.index, name="holds"),
    path("calendar/holds/retry", holds.retry, name="holds_retry"),
    path("one-off/<str:token>", public.pick, name="pick"),
    path("one-off/<str:token>/propose", proposing.propose, name="propose"),
    path("b/one-off/manage/<str:token>/move", proposing.move, {"slug": PICK}, name="move"),
    path("b/one-off/manage/<str:token>/propose", proposing.propose_move, {"slug": PICK}, name="propose_move"),
]
