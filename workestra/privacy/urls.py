from django.urls import path

from workestra.privacy import views

app_name = "privacy"
urlpatterns = [
    path("settings/privacy", views.privacy, name="privacy"),
    path("settings/privacy/export", views.export, name="export"),
    path("settings/privacy/erase", views.erase, name="erase"),
    path("settings/privacy/answers", views.answers, name="answers"),
]
