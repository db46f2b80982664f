"""The template form: the booking link form, a lock for each section, and the template's own settings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from bookings.models import Booking
from bookings.selectors.hosting import Substitute
from managed_events.domain.draft import TemplateDraft
from managed_events.domain.slugs import BadPattern, check_pattern
from managed_events.models import DEFAULT_SLUG_PATTERN, ManagedEventTemplate
from managed_events.selectors import Proposal
from scheduling.domain.sections import RECOMMENDED_LOCKS, SECTIONS
from scheduling.domain.slugs import problem, suggested_slug
from scheduling.forms import SectionsForm
from scheduling.models import BookingLink, Schedule, Workflow
from workestra.accounts.models import Group, Membership, User
from workestra.look.fields import LineField
from workestra.look.forms import Affixed

SLUG_LENGTH = 40
EVERYBODY = "everybody"
SHOWS = {"": "All", "assigned": "Assigned", "changed": "Changed"}


class TemplateForm(SectionsForm):
    """After `is_valid()`, `draft` is the template that was asked for, made from version `based_on` (0: a new one).

    `groups` are those the template may be given to. Where `must_have_group`, it cannot be for the whole workspace.
    """

    lock = forms.MultipleChoiceField(
        choices=[(section.key, section.label) for section in SECTIONS], required=False
    )
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    slug = LineField(
        label="Name in addresses",
        max_length=SLUG_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", "class": "slug"}),
    )
    slug_pattern = LineField(
        label="Address pattern",
        max_length=80,
        widget=Affixed("/book/", attrs={"autocapitalize": "none", "spellcheck": "false", "class": "slug"}),
        error_messages={"required": "Write a pattern with {username} in it."},
    )
    note = LineField(
        label="Note",
        max_length=200,
        required=False,
        help_text="Why you change it. It stands beside the version.",
    )
    group = forms.ModelChoiceField(Group.objects.none(), required=False, empty_label="Whole workspace")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: "MultiValueDict[str, UploadedFile[bytes]] | None" = None,
        *,
        instance: ManagedEventTemplate | None = None,
        groups: QuerySet[Group],
        must_have_group: bool = False,
        schedules: Sequence[Schedule] = (),
        workflows: Sequence[Workflow] = (),
        initial: Mapping[str, Any] | None = None,
        note: str = "",
    ) -> None:
        super().__init__(
            data, files, instance=instance, schedules=schedules, workflows=workflows, initial=initial
        )
        own = {
            "note": note,
            "lock": list(instance.locked_sections if instance else RECOMMENDED_LOCKS),
            "version": instance.version if instance else 0,
            "slug": instance.slug if instance else "",
            "slug_pattern": instance.slug_pattern if instance else DEFAULT_SLUG_PATTERN,
            "group": instance.group_id if instance else None,
        }
        self.initial = {**self.initial, **own}
        group = self.fields["group"]
        assert isinstance(group, forms.ModelChoiceField)
        group.queryset = groups
        if must_have_group:
            group.required = True
            group.empty_label = None
            group.error_messages["required"] = "Choose the group that this template is for."
        self.fields[
            "timezone"
        ].help_text = "For locked hours. While they are open, each person’s link begins in their own zone."
        self.fields["note"].label = f"Note for version {instance.version + 1 if instance else 1}"
        self.fields["slug"].help_text = "{template} in the pattern stands for it." + (
            "" if instance else " Left empty, it is made from the title."
        )

    @property
    def locks(self) -> Collection[str]:
        """Keys of the sections whose toggle is on, as the page has to show them now."""
        return list(self["lock"].value() or ())

    @property
    def based_on(self) -> int:
        return int(self.cleaned_data["version"])

    @property
    def draft(self) -> TemplateDraft:
        group: Group | None = self.cleaned_data["group"]
        group_id: UUID | None = group.pk if group else None
        return TemplateDraft(
            values={**self.stored, **self.values},
            locks=tuple(self.cleaned_data["lock"]),
            slug=self.cleaned_data["slug"],
            slug_pattern=self.cleaned_data["slug_pattern"],
            group_id=group_id,
        )

    def clean_slug(self) -> str:
        """Lowercase it, or make it from the title; refuse what cannot be part of an address."""
        slug = str(self.cleaned_data["slug"]).lower()
        if not slug:
            title = self.cleaned_data.get("title", "")
            return suggested_slug(title, ())[:SLUG_LENGTH].rstrip("-")
        wrong = problem(slug)
        if wrong:
            raise ValidationError(wrong)
        return slug

    def clean_slug_pattern(self) -> str:
        pattern = str(self.cleaned_data["slug_pattern"])
        try:
            check_pattern(pattern)
        except BadPattern as error:
            raise ValidationError(str(error)) from error
        return pattern


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person of the assignment form: the link he has of the template, or the address he would get.

    `own` is a link of his own that could be adopted instead.
    """

    member: Membership
    link: BookingLink | None
    proposal: Proposal | None
    own: BookingLink | None
    ticked: bool
    deletes: bool
    address: str
    shown: bool

    @property
    def key(self) -> str:
        return str(self.member.pk)

    @property
    def renumbered(self) -> bool:
        """Whether the pattern's address is taken, so that another one is proposed."""
        return self.proposal is not None and self.proposal.slug != self.proposal.wanted


@dataclass(frozen=True, slots=True)
class Tally:
    """How many are ticked, and what saving makes of everybody: of the ticked some have links already."""

    ticked: int
    new: int
    detached: int
    deleted: int

    @property
    def already(self) -> int:
        return self.ticked - self.new


class AssignmentForm:
    """Who has a link of the template and who shall have one.

    Two lists decide: `person` (the ticks) and `was` (who had a link when the page was made). Only what somebody
    changed on the page is done: people assigned or detached by others meanwhile stay as they are. `add` ticks everyone
    in a group, or everybody. Keys that mean nothing here are ignored. `show` lists only who has a link ("assigned"), or
    whose link saving makes or takes off ("changed").

    `later` says the same of people to come: groups by key, and `EVERYBODY` for the whole workspace, where
    `may_take_everybody`; `standing` are those that get links for their newcomers already. `own` counts the links that
    a user has made himself.
    """

    def __init__(
        self,
        data: QueryDict | None,
        *,
        people: Sequence[Membership],
        links: Mapping[UUID, BookingLink],
        proposals: Mapping[UUID, Proposal],
        groups: Sequence[Group],
        may_take_everybody: bool = True,
        standing: Collection[UUID | None] = (),
        own: Mapping[UUID, BookingLink] = MappingProxyType({}),
    ) -> None:
        self.scopes: list[Group | None] = [None, *groups] if may_take_everybody else list(groups)
        self.standing = {
            _scope_key(scope) for scope in self.scopes if (scope.pk if scope else None) in standing
        }
        self.later_was, self.later = self.standing, self.standing
        self.own = own
        self.people = people
        self.links = links
        self.proposals = proposals
        self.groups = groups
        assigned = {str(member.pk) for member in people if member.user_id in links}
        self.words, self.show = "", ""
        self.was, self.ticked, self.deleting = assigned, assigned, set[str]()
        self.addresses: dict[str, str] = {}
        if data is not None:
            self.words = data.get("q", "").replace("\x00", "").strip()[:100]
            self.show = show if (show := data.get("show", "")) in SHOWS else ""
            self.was = {key for key in data.get("was", "").split(",") if key}
            self.ticked = set(data.getlist("person")) | self._people_in(data.get("add", ""))
            self.later_was = {key for key in data.get("later_was", "").split(",") if key}
            self.later = set(data.getlist("later"))
            self.deleting = set(data.getlist("delete"))
            self.addresses = {
                str(member.pk): data.get(f"address-{member.pk}", "")
                .replace("\x00", "\ufffd")
                .strip()
                .lower()[:100]
                for member in people
            }

    @property
    def to_assign(self) -> list[Membership]:
        """In the page's order."""
        return [
            member for member in self.people if (key := str(member.pk)) not in self.was and key in self.ticked
        ]

    @property
    def chosen_addresses(self) -> dict[UUID, str]:
        """Addresses that somebody typed in place of the one proposed."""
        return {
            member.pk: typed
            for member in self.people
            if (typed := self.addresses.get(str(member.pk)))
            and member.pk in self.proposals
            and typed != self.proposals[member.pk].slug
        }

    @property
    def to_detach(self) -> list[tuple[BookingLink, bool]]:
        """Links to detach, each with whether to delete it."""
        return [
            (self.links[member.user_id], key in self.deleting)
            for member in self.people
            if (key := str(member.pk)) in self.was and key not in self.ticked and member.user_id in self.links
        ]

    @property
    def tally(self) -> Tally:
        ticked = [member for member in self.people if str(member.pk) in self.ticked]
        to_delete = [delete for _link, delete in self.to_detach]
        return Tally(
            ticked=len(ticked),
            new=sum(member.user_id not in self.links for member in ticked),
            detached=to_delete.count(False),
            deleted=to_delete.count(True),
        )

    @property
    def newcomers(self) -> tuple[list[Group | None], list[Group | None]]:
        """Whose newcomers are to get links, and whose have been decided on the page: only what somebody changed."""
        changed = [scope for scope in self.scopes if _scope_key(scope) in self.later_was ^ self.later]
        return [scope for scope in changed if _scope_key(scope) in self.later], changed

    @property
    def shows(self) -> list[tuple[str, str]]:
        """Who can be listed, by key, with words for it."""
        return list(SHOWS.items())

    @property
    def later_rows(self) -> list[tuple[str, Group | None, bool]]:
        """For each scope its key, the group and whether it is ticked."""
        return [(_scope_key(scope), scope, _scope_key(scope) in self.later) for scope in self.scopes]

    @property
    def rows(self) -> list[PersonRow]:
        """Everybody, in the page's order; those whom the search does not find are not shown, but keep their ticks."""
        words = self.words.casefold().split()
        rows = []
        for member in self.people:
            key, link = str(member.pk), self.links.get(member.user_id)
            proposal = self.proposals.get(member.pk)
            text = f"{member.user.name} {member.user.username} {' '.join(map(str, member.groups.all()))}".casefold()
            asked = {
                "": True,
                "assigned": link is not None,
                "changed": (key in self.ticked) != (link is not None),
            }[self.show]
            rows.append(
                PersonRow(
                    member=member,
                    link=link,
                    proposal=proposal,
                    own=self.own.get(member.user_id),
                    ticked=key in self.ticked,
                    deletes=key in self.deleting,
                    address=self.addresses.get(key) or (proposal.slug if proposal else ""),
                    shown=asked and all(word in text for word in words),
                )
            )
        return rows

    @property
    def group_rows(self) -> list[tuple[Group, int, int]]:
        """Each group that has anybody, with how many of its people have a link, and how many they are."""
        rows = []
        for group in self.groups:
            inside = [member for member in self.people if group in member.groups.all()]
            assigned = sum(member.user_id in self.links for member in inside)
            rows.append((group, assigned, len(inside)))
        return [row for row in rows if row[2]]

    def _people_in(self, group_key: str) -> set[str]:
        return {
            str(member.pk)
            for member in self.people
            if group_key == EVERYBODY or group_key in {str(group.pk) for group in member.groups.all()}
        }


def _scope_key(scope: Group | None) -> str:
    return str(scope.pk) if scope else EVERYBODY


class HandOverForm(forms.Form):
    """A field for each of these meetings, "host-<id>", and links, "owner-<id>": who is to have it; empty, it stays.

    Who is not free at a meeting's time is named beside it, and cannot be chosen. A link can go to each of `people`.
    """

    def __init__(
        self,
        data: QueryDict | None,
        *,
        substitutes: Mapping[Booking, Sequence[Substitute]],
        links: Sequence[BookingLink] = (),
        people: Sequence[Membership] = (),
    ) -> None:
        super().__init__(data)
        self._meetings = {self._name(meeting): meeting for meeting in substitutes}
        self._links = {self._name(link): link for link in links}
        self._users = {str(each.user.pk): each.user for found in substitutes.values() for each in found}
        self._people = {str(member.pk): member for member in people}
        for name, meeting in self._meetings.items():
            found = substitutes[meeting]
            free = [(str(each.user.pk), each.user.name) for each in found if not each.taken]
            kept = [f"{each.user.name} ({each.taken})" for each in found if each.taken]
            self.fields[name] = forms.ChoiceField(
                label="New host",
                choices=[("", "Nobody yet"), *free],
                required=False,
                help_text=f"Not free: {', '.join(kept[:5])}." if kept else "",
                error_messages={"invalid_choice": "Choose somebody who is free."},
            )
        everybody = [(key, member.user.name) for key, member in self._people.items()]
        for name in self._links:
            self.fields[name] = forms.ChoiceField(
                label="New owner",
                choices=[("", "Nobody yet"), *everybody],
                required=False,
                error_messages={"invalid_choice": "Choose somebody who is here."},
            )

    def field_of(self, thing: Booking | BookingLink) -> forms.BoundField | None:
        """The field that asks about this meeting or link; None when the member cannot hand it over."""
        name = self._name(thing)
        return self[name] if name in self.fields else None

    def refuse(self, thing: Booking | BookingLink, why: str) -> None:
        """Say beside a meeting or a link, if it is still asked about, why it was not handed over."""
        field = self.field_of(thing)
        if field is not None:
            self.errors[field.name] = self.error_class([why])

    def chosen(self) -> list[tuple[Booking, User]]:
        """The meetings somebody was chosen for, in order. Only of a valid form."""
        return [
            (meeting, self._users[key])
            for name, meeting in self._meetings.items()
            if (key := self.cleaned_data[name])
        ]

    def chosen_owners(self) -> list[tuple[BookingLink, Membership]]:
        """The links somebody was chosen for, in order. Only of a valid form."""
        return [
            (link, self._people[key])
            for name, link in self._links.items()
            if (key := self.cleaned_data[name])
        ]

    @property
    def strays(self) -> int:
        """For how many meetings and links that are not asked about (any more) somebody was chosen."""
        return sum(
            bool(value) and name.startswith(("host-", "owner-")) and name not in self.fields
            for name, value in self.data.items()
        )

    @staticmethod
    def _name(thing: Booking | BookingLink) -> str:
        return f"{'host' if isinstance(thing, Booking) else 'owner'}-{thing.pk}"
