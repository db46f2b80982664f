from django.urls import path

from scheduling.views import explain, links

app_name = "scheduling"
_links = "settings/booking-links"
urlpatterns = [
    path("brand/<str:color>.css", links.brand, name="brand"),
    path(_links, links.links, name="links"),
    path(f"{_links}/new", links.link_new, name="link_new"),
    path(f"{_links}/<uuid:link_id>", links.link_edit, name="link_edit"),
    path(f"{_links}/<uuid:link_id>/duplicate", links.link_duplicate, name="link_duplicate"),
    path(f"{_links}/<uuid:link_id>/explain", explain.explain, name="explain"),
    path(f"{_links}/<uuid:link_id>/delete", links.link_delete, name="link_delete"),
]
