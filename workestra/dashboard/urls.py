from django.urls import path

from workestra.dashboard.views import admin, calendar

app_name = "dashboard"
urlpatterns = [
    path("calendar", calendar.calendar, name="calendar"),
    path("calendar/admin", admin.overview, name="admin"),
]
