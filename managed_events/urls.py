from django.urls import URLPattern, URLResolver

app_name = "managed_events"
urlpatterns: list[URLPattern | URLResolver] = []
