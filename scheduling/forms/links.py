"""The form of a booking link: its sections, its address, and who hosts it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from scheduling.domain import slugs
from scheduling.forms.fields import LineField
from scheduling.forms.sections import SectionsForm
from scheduling.models import BookingLink, LinkHost
from scheduling.services.links import Host
from workestra.accounts.models import Membership
from workestra.look.forms import Affixed, Picks

WEIGHTS = range(1, 101)


@dataclass(frozen=True, slots=True)
class TypedHost:
    """Somebody who can be in the pool: whether he is ticked, and the weight as typed."""

    user_id: UUID
    name: str
    is_in: bool = False
    weight: str = "1"
    faulty: bool = False


class PoolWidget(forms.Widget):
    """People with a tick and a weight. `<name>` repeats the ids of those ticked; `<name>-<id>-weight`."""

    template_name = "scheduling/widgets/pool.html"
    use_fieldset = True
    people: Sequence[TypedHost] = ()

    def id_for_label(self, id_: str | None) -> str:
        return ""

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> tuple[list[str], list[TypedHost]]:
        ticked = data.getlist(name) if hasattr(data, "getlist") else list(data.get(name, ()))
        rows = [
            TypedHost(
                person.user_id,
                person.name,
                str(person.user_id) in ticked,
                data.get(f"{name}-{person.user_id}-weight", person.weight),
            )
            for person in self.people
        ]
        return ticked, rows

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"]["people"] = [(f"{name}-{host.user_id}-weight", host) for host in value[1]]
        return context


class PoolField(forms.Field):
    """Gives a list of `Host`, in the order of names; empty when nobody is ticked."""

    widget = PoolWidget

    def clean(self, value: tuple[list[str], list[TypedHost]]) -> list[Host]:
        ticked, rows = value
        if set(ticked) - {str(row.user_id) for row in rows}:
            raise ValidationError("Somebody chosen is not in this workspace. Choose again.")
        faulty = [row.name for row in rows if row.is_in and _weight(row) is None]
        if faulty:
            raise ValidationError(f"{faulty[0]}: write a weight from {WEIGHTS[0]} to {WEIGHTS[-1]}.")
        return [Host(row.user_id, weight) for row in rows if row.is_in and (weight := _weight(row))]

    def prepare_value(self, value: tuple[list[str], list[TypedHost]]) -> Any:
        ticked, rows = value
        return ticked, [
            TypedHost(row.user_id, row.name, row.is_in, row.weight, row.is_in and _weight(row) is None)
            for row in rows
        ]


class LinkForm(SectionsForm):
    """A link's sections with what belongs to the link alone: address, strategy, pool.

    `members` are those who can host, `hosts` those who do. A link without an address gets one from its title.
    """

    slug = LineField(
        label="Address",
        max_length=slugs.MAX_LENGTH,
        widget=Affixed("/book/", attrs={"autocapitalize": "none", "spellcheck": "false", "class": "slug"}),
    )
    strategy = forms.ChoiceField(
        label="Who hosts",
        choices=BookingLink.Strategy.choices,
        initial=BookingLink.Strategy.INDIVIDUAL,
        widget=Picks,
        help_text="Round robin gives each booking to the person of the pool who is free and next in turn.",
    )
    pool = PoolField(
        label="Pool",
        help_text="Out of two people whose last turn is equally long ago, the one with more weight is first.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        instance: BookingLink | None = None,
        members: Sequence[Membership],
        hosts: Sequence[LinkHost] = (),
        locked: Collection[str] = (),
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, instance=instance, locked=locked, initial=initial)
        people = _people(members, hosts)
        pool = self.fields["pool"]
        assert isinstance(pool.widget, PoolWidget)
        pool.widget.people = people
        self.initial["pool"] = ([], people)
        if instance is not None:
            self.fields["slug"].help_text = "Change it, and the address people have now leads nowhere."
            self.initial = {**self.initial, "slug": instance.slug, "strategy": instance.strategy}
        else:
            self.fields["slug"].required = False
            self.fields["slug"].help_text = "Left empty, it is made from the title."

    @property
    def slug_wanted(self) -> str | None:
        """The address to give the link; None for one made from its title."""
        return self.cleaned_data["slug"] or None

    @property
    def strategy_wanted(self) -> str:
        return str(self.cleaned_data["strategy"])

    @property
    def hosts_wanted(self) -> list[Host]:
        """The pool of a round robin; empty for an individual link, which its owner hosts."""
        pool: list[Host] = self.cleaned_data["pool"]
        return pool if self.strategy_wanted == BookingLink.Strategy.ROUND_ROBIN else []

    def own_fields(self) -> list[forms.BoundField]:
        """Address, strategy and pool: the fields of no section."""
        return [self["slug"], self["strategy"], self["pool"]]

    def clean_slug(self) -> str:
        """Lowercase it, and refuse what cannot be an address."""
        slug = str(self.cleaned_data["slug"]).lower()
        wrong = slugs.problem(slug) if slug else ""
        if wrong:
            raise ValidationError(wrong)
        return slug

    def clean(self) -> dict[str, Any]:
        """Besides the sections: a round robin has somebody to take turns."""
        cleaned = super().clean()
        robin = cleaned.get("strategy") == BookingLink.Strategy.ROUND_ROBIN
        if robin and "pool" in cleaned and not cleaned["pool"]:
            self.add_error("pool", "Choose who takes turns.")
        return cleaned


def _people(members: Sequence[Membership], hosts: Sequence[LinkHost]) -> list[TypedHost]:
    """Everybody who can be ticked, by name: the members, and hosts who have left since."""
    hosting = {host.user_id: host for host in hosts}
    names = {member.user_id: member.user.name for member in members}
    names |= {host.user_id: f"{host.user.name} (left)" for host in hosts if host.user_id not in names}
    people = [
        TypedHost(
            user_id, name, user_id in hosting, str(hosting[user_id].weight) if user_id in hosting else "1"
        )
        for user_id, name in names.items()
    ]
    return sorted(people, key=lambda person: (person.name.casefold(), str(person.user_id)))


def _weight(host: TypedHost) -> int | None:
    text = host.weight.strip()
    weight = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    return weight if weight in WEIGHTS else None
