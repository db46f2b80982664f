"""Every address of the product, app by app."""

from django.urls import include, path
from django.views.generic import RedirectView

from workestra.health import healthz

handler429 = "workestra.limits.http.signing_in_too_often"
"""Asked for by django-allauth; what has a limit of ours answers for itself."""

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("", include("bookings.urls")),
    path("", RedirectView.as_view(pattern_name="dashboard:calendar"), name="home"),
    path("accounts/", include("workestra.accounts.urls")),
    path("", include("workestra.look.urls")),
    path("", include("workestra.audit.urls")),
    path("", include("workestra.notifications.urls")),
    path("", include("workestra.sms.urls")),
    path("", include("workestra.calendars.urls")),
    path("", include("workestra.crm.urls")),
    path("", include("scheduling.urls")),
    path("", include("managed_events.urls")),
    path("", include("one_off.urls")),
    path("", include("workestra.people.urls")),
    path("", include("workestra.dashboard.urls")),
    path("", include("workestra.privacy.urls")),
]
