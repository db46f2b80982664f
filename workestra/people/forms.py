"""Forms of people, groups and roles."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict

from workestra.accounts.domain.invites import MOST, BadLine, Invitee, invitees
from workestra.accounts.domain.permissions import EDITABLE_ROLES, Grants, Permission, Role, Scope
from workestra.accounts.models import Group, Membership
from workestra.look.fields import LineField, LinesField

NONE = "none"
SCOPES = ((NONE, "None"), (Scope.OWN, "Own"), (Scope.TEAM, "Team"), (Scope.ALL, "All"))


def roles_given_by(member: Membership) -> list[tuple[str, str]]:
    """The roles this admin may give, as choices: only owners make owners."""
    return [(role, role.title()) for role in Role if role is not Role.OWNER or member.role == Role.OWNER]


class InviteForm(forms.Form):
    """After `is_valid()`, `cleaned_data["people"]` is a list of `Invitee`."""

    people = LinesField(
        label="Email addresses, one a line",
        max_length=20_000,
        help_text="With a name if you like: Hana Novák <hana@example.com>",
        widget=forms.Textarea(attrs={"rows": 5, "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Type at least one address."},
    )
    role = forms.ChoiceField(label="Role")

    def __init__(self, data: QueryDict | None, *, by: Membership) -> None:
        super().__init__(data)
        self.fields["role"].choices = list(reversed(roles_given_by(by)))  # type: ignore[attr-defined]
        self.fields["role"].initial = Role.MEMBER

    def clean_people(self) -> list[Invitee]:
        try:
            found = invitees(self.cleaned_data["people"])
        except BadLine as bad:
            raise ValidationError(f"“{bad.line[:80]}” is not one email address.") from bad
        for person in found:
            try:
                validate_email(person.email)
            except ValidationError as bad:
                # Nobody could sign in with it.
                raise ValidationError(f"“{person.email[:80]}” is not one email address.") from bad
        if len(found) > MOST:
            raise ValidationError(f"These are {len(found)} people. Invite at most {MOST} at once.")
        return found


class MemberForm(forms.Form):
    name = LineField(
        label="Name", max_length=120, error_messages={"required": "Add the name that bookers will see."}
    )
    role = forms.ChoiceField(label="Role")

    def __init__(self, data: QueryDict | None, *, of: Membership, by: Membership) -> None:
        super().__init__(data, initial={"name": of.user.name, "role": of.role})
        self.fields["role"].choices = roles_given_by(by)  # type: ignore[attr-defined]


class GroupForm(forms.Form):
    """`people` are those who can be in it. After `is_valid()`, `members` and `admins` are sets of their keys."""

    name = LineField(label="Name", max_length=80, error_messages={"required": "Give the group a name."})
    members = forms.TypedMultipleChoiceField(coerce=UUID, required=False)
    admins = forms.TypedMultipleChoiceField(coerce=UUID, required=False)

    def __init__(self, data: QueryDict | None, *, people: Iterable[Membership], group: Group | None) -> None:
        rows = list(group.people) if group else []  # type: ignore[attr-defined]
        initial = {
            "name": group.name if group else "",
            "members": [str(row.membership_id) for row in rows],
            "admins": [str(row.membership_id) for row in rows if row.is_admin],
        }
        super().__init__(data, initial=initial)
        self.people = list(people)
        choices = [(str(person.pk), person.user.name) for person in self.people]
        self.fields["members"].choices = choices  # type: ignore[attr-defined]
        self.fields["admins"].choices = choices  # type: ignore[attr-defined]

    def rows(self) -> list[tuple[Membership, bool, bool]]:
        """Everybody, whether he is in the group, and whether he administers it, as last typed."""
        members, admins = self._chosen("members"), self._chosen("admins")
        return [(person, str(person.pk) in members, str(person.pk) in admins) for person in self.people]

    def _chosen(self, name: str) -> set[str]:
        return set(map(str, self[name].value() or ()))


class RolesForm(forms.Form):
    """A field for every editable role and permission, "manager-edit", and one for what it was on the page."""

    def __init__(self, data: QueryDict | None, *, grants: Mapping[Role, Grants]) -> None:
        super().__init__(data)
        for role in EDITABLE_ROLES:
            for permission in Permission:
                name = cell_name(role, permission)
                value = grants[role][permission] or NONE
                label = f"{role.title()}, {permission.value.partition('.')[2]}"
                self.fields[name] = forms.ChoiceField(label=label, choices=SCOPES, initial=value)
                self.fields[f"was-{name}"] = forms.ChoiceField(
                    choices=SCOPES, initial=value, widget=forms.HiddenInput
                )

    def grants(self, prefix: str = "") -> dict[Role, Grants]:
        """What was chosen, or with "was-" what the page was filled from."""
        return {
            role: {
                permission: _scope(self.cleaned_data[prefix + cell_name(role, permission)])
                for permission in Permission
            }
            for role in EDITABLE_ROLES
        }


def cell_name(role: Role, permission: Permission) -> str:
    """ "manager-edit"."""
    return f"{role.value}-{permission.value.partition('.')[2]}"


def _scope(value: str) -> Scope | None:
    return None if value == NONE else Scope(value)
