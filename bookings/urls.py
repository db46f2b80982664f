from django.urls import path

from bookings.views import console

app_name = "bookings"
urlpatterns = [
    path("calendar/bookings", console.console, name="console"),
    path("calendar/bookings/<uuid:booking_id>/drawer", console.drawer, name="drawer"),
    path("calendar/bookings/<uuid:booking_id>/cancel", console.cancel, name="cancel"),
    path("calendar/bookings/<uuid:booking_id>/attendance", console.attendance, name="attendance"),
    path("calendar/bookings/<uuid:booking_id>/manage-link", console.manage_link, name="manage_link"),
]
