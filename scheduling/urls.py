from django.urls import path

from scheduling import views

app_name = "scheduling"
urlpatterns = [
    path("brand/<str:color>.css", views.brand, name="brand"),
    path("settings/booking-links", views.links, name="links"),
    path("settings/booking-links/new", views.link_new, name="link_new"),
    path("settings/booking-links/<uuid:link_id>", views.link_edit, name="link_edit"),
    path("settings/booking-links/<uuid:link_id>/delete", views.link_delete, name="link_delete"),
]
