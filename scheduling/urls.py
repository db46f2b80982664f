from django.urls import path

from scheduling.views import absences, branding, explain, links, schedules

app_name = "scheduling"
_links = "settings/booking-links"
_schedules = "calendar/schedules"
_schedule = f"{_schedules}/<uuid:schedule_id>"
urlpatterns = [
    path("brand/<str:color>.css", branding.brand, name="brand"),
    path("brand/logo/<str:logo_key>.png", branding.logo, name="logo"),
    path(_links, links.links, name="links"),
    path(f"{_links}/new", links.link_new, name="link_new"),
    path(f"{_links}/new/address", links.link_address, name="link_new_address"),
    path(f"{_links}/<uuid:link_id>/address", links.link_address, name="link_address"),
    path(f"{_links}/<uuid:link_id>", links.link_edit, name="link_edit"),
    path(f"{_links}/<uuid:link_id>/duplicate", links.link_duplicate, name="link_duplicate"),
    path(f"{_links}/<uuid:link_id>/state", links.link_state, name="link_state"),
    path(f"{_links}/<uuid:link_id>/explain", explain.explain, name="explain"),
    path(f"{_links}/<uuid:link_id>/delete", links.link_delete, name="link_delete"),
    path(_schedules, schedules.schedules, name="schedules"),
    path(f"{_schedules}/new", schedules.schedule_new, name="schedule_new"),
    path(f"{_schedules}/out-of-office", absences.out_of_office, name="out_of_office"),
    path(
        f"{_schedules}/out-of-office/<uuid:absence_id>",
        absences.out_of_office_edit,
        name="out_of_office_edit",
    ),
    path(
        f"{_schedules}/out-of-office/<uuid:absence_id>/remove",
        absences.out_of_office_remove,
        name="out_of_office_remove",
    ),
    path(_schedule, schedules.schedule_edit, name="schedule_edit"),
    path(f"{_schedule}/duplicate", schedules.schedule_duplicate, name="schedule_duplicate"),
    path(f"{_schedule}/delete", schedules.schedule_delete, name="schedule_delete"),
]
