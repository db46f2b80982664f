from django.urls import path

from workestra.audit import views

app_name = "audit"
urlpatterns = [path("settings/audit-log", views.log, name="log")]
