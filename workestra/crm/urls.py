from django.urls import path

from workestra.crm import views
from workestra.crm.views import merging

app_name = "crm"
urlpatterns = [
    path("calendar/people", views.people, name="people"),
    path("calendar/people/new", views.person_new, name="person_new"),
    path("calendar/people/<uuid:person_id>", views.person, name="person"),
    path("calendar/people/<uuid:person_id>/edit", views.person_edit, name="person_edit"),
    path("calendar/people/<uuid:person_id>/merge", merging.choose, name="merge_with"),
    path("calendar/people/<uuid:person_id>/merge/<uuid:other_id>", merging.preview, name="merge"),
    path("calendar/people/<uuid:person_id>/activities", views.activity_new, name="activity_new"),
    path("calendar/people/<uuid:person_id>/opportunities", views.opportunity_new, name="opportunity_new"),
    path("calendar/activities/<uuid:activity_id>", views.activity, name="activity"),
    path("calendar/activities/<uuid:activity_id>/delete", views.activity_delete, name="activity_delete"),
    path("calendar/opportunities/<uuid:opportunity_id>", views.opportunity, name="opportunity"),
]
