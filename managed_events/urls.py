from django.urls import path

from managed_events.views import (
    addresses,
    adoption,
    assignment,
    checks,
    hand_over,
    links,
    resets,
    syncs,
    templates,
    versions,
)

app_name = "managed_events"
_root = "calendar/admin/managed-events"
_one = f"{_root}/<uuid:template_id>"
urlpatterns = [
    path(_root, templates.listing, name="list"),
    path(f"{_root}/new", templates.new, name="new"),
    path(f"{_root}/new/address", addresses.address, name="new_address"),
    path("calendar/admin/hand-over", hand_over.hand_over, name="hand_over"),
    path(_one, links.detail, name="detail"),
    path(f"{_one}/template", templates.edit, name="edit"),
    path(f"{_one}/address", addresses.address, name="address"),
    path(f"{_one}/versions", versions.listing, name="versions"),
    path(f"{_one}/roll-back", versions.roll_back, name="roll_back"),
    path(f"{_one}/reset", resets.reset, name="reset"),
    path(f"{_one}/delete", templates.delete, name="delete"),
    path(f"{_one}/duplicate", templates.duplicate, name="duplicate"),
    path(f"{_one}/checks", checks.checks, name="checks"),
    path(f"{_one}/addresses.txt", links.addresses, name="addresses"),
    path(f"{_one}/syncs/<uuid:run_id>", syncs.sync, name="sync"),
    path(f"{_one}/assign", assignment.assign, name="assign"),
    path(f"{_one}/adopt", adoption.adopt, name="adopt"),
    path(f"{_one}/links/<uuid:link_id>/detach", links.detach, name="detach"),
]
