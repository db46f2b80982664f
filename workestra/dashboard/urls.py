from django.urls import path

from workestra.dashboard import views

app_name = "dashboard"
urlpatterns = [path("calendar", views.calendar, name="calendar")]
