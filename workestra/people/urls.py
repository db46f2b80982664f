from django.urls import path

from workestra.people.views import groups, members, roles

app_name = "people"
_member = "settings/members/<uuid:member_id>"
_group = "settings/groups/<uuid:group_id>"
urlpatterns = [
    path("settings/members", members.listing, name="members"),
    path("settings/members/invite", members.invite, name="invite"),
    path(_member, members.person, name="person"),
    path(f"{_member}/invite-again", members.invite_again, name="invite_again"),
    path(f"{_member}/withdraw", members.withdraw, name="withdraw"),
    path(f"{_member}/deactivate", members.deactivate, name="deactivate"),
    path(f"{_member}/reactivate", members.reactivate, name="reactivate"),
    path("settings/groups", groups.listing, name="groups"),
    path("settings/groups/new", groups.new, name="group_new"),
    path(_group, groups.edit, name="group"),
    path(f"{_group}/delete", groups.delete, name="group_delete"),
    path("settings/roles", roles.edit, name="roles"),
]
