from django.urls import URLPattern, URLResolver

app_name = "one_off"
urlpatterns: list[URLPattern | URLResolver] = []
