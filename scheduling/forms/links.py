"""The form of a booking link: its sections, its address, who hosts it, and where it may be embedded."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from scheduling.domain import slugs
from scheduling.domain.hours import Availability
from scheduling.domain.link_rules import FEWEST_OF_COLLECTIVE, pool_problem
from scheduling.domain.origins import read_origins
from scheduling.domain.rules import Strategy
from scheduling.forms.pool import PoolField, PoolWidget, TypedHost, people_of
from scheduling.forms.sections import SectionsForm
from scheduling.models import BookingLink, LinkHost, Schedule, Workflow
from scheduling.services.links import Host
from workestra.accounts.models import Membership
from workestra.look.fields import LineField, LinesField
from workestra.look.forms import Affixed, Picks

POOLED: Final = frozenset({Strategy.ROUND_ROBIN, Strategy.COLLECTIVE})
SEATS: Final = range(1, 1001)


class LinkForm(SectionsForm):
    """A link's sections with what belongs to the link alone: address, strategy, hosts, seats, websites.

    `members` are those who can host, `hosts` those who do. `pool_schedules` are everybody's: a host may have hours of
    his own. A link without an address gets one from its title; `address_problem` says why it cannot have a typed one.
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
    )
    capacity = forms.IntegerField(
        label="Seats",
        min_value=SEATS[0],
        max_value=SEATS[-1],
        required=False,
        help_text="How many people can book the same time.",
    )
    pool = PoolField(
        label="Hosts",
        help_text="Of two whose last turn is equally long ago, the one with more weight is first. Most a day counts "
        "meetings of this link.",
    )
    next_turn = forms.TypedChoiceField(
        label="Next turn",
        coerce=UUID,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": "Choose somebody who hosts this link."},
    )
    embed_origins = LinesField(
        label="Websites that may embed it",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "slug"}),
        help_text="One a line, such as https://www.example.com. Empty: no other website can show it.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: "MultiValueDict[str, UploadedFile[bytes]] | None" = None,
        *,
        instance: BookingLink | None = None,
        address_problem: Callable[[str], str],
        members: Sequence[Membership],
        hosts: Sequence[LinkHost] = (),
        locked: Collection[str] = (),
        schedules: Sequence[Schedule] = (),
        workflows: Sequence[Workflow] = (),
        pool_schedules: Sequence[Schedule] = (),
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            data,
            files,
            instance=instance,
            locked=locked,
            schedules=schedules,
            workflows=workflows,
            initial=initial,
        )
        self._address_problem = address_problem
        people = people_of(members, hosts, pool_schedules)
        pool = self.fields["pool"]
        assert isinstance(pool.widget, PoolWidget)
        pool.widget.people = people
        self.people = people
        self.initial["pool"] = ([], people)
        self.initial["capacity"] = ""
        self._offer_turns()
        if instance is not None:
            self.fields["slug"].help_text = "Change it, and the old address leads to the new one."
            self.initial = {
                **self.initial,
                "slug": instance.slug,
                "strategy": instance.strategy,
                "capacity": instance.capacity if instance.strategy == BookingLink.Strategy.GROUP else "",
                "embed_origins": "\n".join(instance.embed_origins),
            }
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
        """Who hosts a round robin or a collective; empty for a link that its owner hosts alone."""
        pool: list[Host] = self.cleaned_data["pool"]
        return pool if self.strategy_wanted in POOLED else []

    @property
    def capacity_wanted(self) -> int:
        """The seats of a group's meeting; 1 for other links."""
        seats: int | None = self.cleaned_data["capacity"]
        return seats or 1 if self.strategy_wanted == BookingLink.Strategy.GROUP else 1

    @property
    def next_turn_wanted(self) -> UUID | None:
        """Who is to get the next booking of a round robin; None when the turns stay as they are."""
        chosen: UUID | None = self.cleaned_data["next_turn"]
        return chosen if self.strategy_wanted == BookingLink.Strategy.ROUND_ROBIN else None

    @property
    def origins_wanted(self) -> list[str]:
        return list(self.cleaned_data["embed_origins"])

    @property
    def rest_wanted(self) -> dict[str, Any]:
        """What belongs to the link besides sections and address, as the services take it."""
        return {
            "strategy": self.strategy_wanted,
            "hosts": self.hosts_wanted,
            "capacity": self.capacity_wanted,
            "embed_origins": self.origins_wanted,
        }

    def clean_slug(self) -> str:
        """Lowercase it, and refuse what cannot be an address, or is somebody else's."""
        slug = str(self.cleaned_data["slug"]).lower()
        wrong = self._address_problem(slug) if slug and slug != self.initial.get("slug") else ""
        if wrong:
            raise ValidationError(wrong)
        return slug

    def clean_embed_origins(self) -> list[str]:
        """The origins, each once."""
        origins, problems = read_origins(self.cleaned_data["embed_origins"])
        if problems:
            raise ValidationError(problems)
        return origins

    def clean(self) -> dict[str, Any]:
        """Besides the sections: hosts and seats that go with the strategy, and hours that they can be met in."""
        cleaned = super().clean()
        strategy = cleaned.get("strategy")
        if strategy in POOLED and "pool" in cleaned:
            self._clean_pool(Strategy(strategy), cleaned["pool"])
        if strategy == Strategy.GROUP and "capacity" in cleaned and not cleaned["capacity"]:
            self.add_error("capacity", "Write how many people can book the same time, such as 8.")
        return cleaned

    def _clean_pool(self, strategy: Strategy, hosts: Sequence[Host]) -> None:
        if not hosts:
            turns = strategy == Strategy.ROUND_ROBIN
            self.add_error("pool", "Choose who takes turns." if turns else "Choose who hosts together.")
            return
        if strategy == Strategy.COLLECTIVE and len(hosts) < FEWEST_OF_COLLECTIVE:
            self.add_error("pool", "A collective meeting has two hosts or more. Choose another one.")
            return
        chosen = self.cleaned_data.get("next_turn")
        if strategy == Strategy.ROUND_ROBIN and chosen and chosen not in {host.user_id for host in hosts}:
            self.add_error("next_turn", f"{self._person(chosen).name} is not among the hosts.")
        if not self.errors:
            length = timedelta(minutes=(self.stored | self.values)["duration_minutes"])
            problem = pool_problem(strategy, length, [self._hours_of(host) for host in hosts])
            if problem:
                self.add_error("pool", problem)

    def _hours_of(self, host: Host) -> tuple[str, Availability]:
        person = self._person(host.user_id)
        own = {schedule.pk: schedule for schedule in person.schedules}
        schedule = own.get(host.schedule_id) if host.schedule_id else None
        return person.name, schedule.own_hours() if schedule else self.hours_wanted()

    def _person(self, user_id: UUID) -> TypedHost:
        return next(person for person in self.people if person.user_id == user_id)

    def _offer_turns(self) -> None:
        """Who can be next. Turns go on while the form is filled in, so nobody is chosen beforehand."""
        in_turn = [person for person in self.people if person.turn]
        field = self.fields["next_turn"]
        assert isinstance(field, forms.ChoiceField)
        stays = f"As it comes: {in_turn[0].name}" if in_turn else "As it comes"
        field.choices = [("", stays), *((str(person.user_id), person.name) for person in self.people)]
