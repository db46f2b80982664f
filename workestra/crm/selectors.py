"""Reads about people."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import CharField, Count, F, Func, Q, QuerySet, Value

from workestra.crm.domain.stages import STAGES, money_words
from workestra.crm.models import Activity, Opportunity, Person

PAGE_SIZE: Final = 50
ALIKE: Final = 3
"""How many who may be the same person are named."""
FEWEST_DIGITS: Final = 6
"""Shorter numbers are extensions, and tell nobody apart."""
_DIGITS_OF_PHONE: Final = Func(
    F("phone"), Value(r"\D"), Value(""), Value("g"), function="regexp_replace", output_field=CharField()
)
LATELY: Final = 3
"""How many activities a briefing tells."""


@dataclass(frozen=True, slots=True)
class Query:
    """Whom to list: those that match every word, are at `stage` ("" for any), and have missed a meeting if asked."""

    words: str = ""
    stage: str = ""
    only_no_shows: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: behind the person with this name and id."""

    name: str
    person_id: UUID

    def __str__(self) -> str:
        return f"{self.person_id}~{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """The place that `str` of one gives; None for anything else."""
        person_id, mark, name = text.partition("~")
        try:
            return cls(name, UUID(person_id)) if mark and "\x00" not in name else None
        except ValueError:
            return None


def listed(people: QuerySet[Person], query: Query) -> QuerySet[Person]:
    """Those of the people whom the query asks for, by name."""
    for word in query.words.split():
        also = Person.objects.filter(merged_into__isnull=False, email__icontains=word).values("merged_into")
        people = people.filter(
            Q(name__icontains=word) | Q(email__icontains=word) | Q(company__icontains=word) | Q(pk__in=also)
        )
    if query.stage:
        people = people.filter(lifecycle_stage=query.stage)
    if query.only_no_shows:
        people = people.filter(no_show_count__gt=0)
    return people.order_by("name", "id")


def page_of(people: QuerySet[Person], after: Place | None) -> tuple[list[Person], Place | None]:
    """One page of a list behind a place, and the place of the next page (None on the last one)."""
    if after is not None:
        people = people.filter(Q(name__gt=after.name) | Q(name=after.name, id__gt=after.person_id))
    rows = list(people[: PAGE_SIZE + 1])
    page = rows[:PAGE_SIZE]
    return page, Place(page[-1].name, page[-1].pk) if len(rows) > PAGE_SIZE else None


def with_address(people: QuerySet[Person], email: str) -> Person | None:
    """Who of these people has this normalized address, be it one he was merged with."""
    also = Person.objects.filter(merged_into__isnull=False, email=email).values("merged_into")
    return people.filter(Q(email=email) | Q(pk__in=also)).first()


def other_addresses(person: Person) -> list[str]:
    """The addresses of those who were merged into him, in alphabetical order."""
    return list(person.met_as.order_by("email").values_list("email", flat=True))


def alike(people: QuerySet[Person], person: Person) -> list[Person]:
    """Who of these people may be the same person: they have his name, or his phone unless that is a company's, with
    which there are more; a few of them, by name."""
    others = people.exclude(pk=person.pk).order_by("name", "pk")
    found = {other.pk: other for other in others.filter(name__iexact=person.name)[:ALIKE]}
    digits = "".join(filter(str.isdigit, person.phone))
    if len(digits) >= FEWEST_DIGITS:
        with_phone = list(others.alias(digits=_DIGITS_OF_PHONE).filter(digits=digits)[: ALIKE + 1])
        if len(with_phone) <= ALIKE:
            found |= {other.pk: other for other in with_phone}
    return sorted(found.values(), key=lambda other: (other.name, other.pk))[:ALIKE]


def open_deals(people: Collection[Person]) -> dict[UUID, int]:
    """How many open opportunities each of them has, by person; who has none is left out."""
    counted = (
        Opportunity.objects.filter(person__in=[person.pk for person in people], outcome="")
        .values("person_id")
        .annotate(deals=Count("pk"))
    )
    return {row["person_id"]: row["deals"] for row in counted}


def activities_of(person: Person, most: int = 100) -> list[Activity]:
    """What happened with the person, newest first."""
    return list(person.activities.select_related("author").order_by("-at", "-id")[:most])


def opportunities_of(person: Person) -> list[Opportunity]:
    """The person's opportunities, open ones first, newest first."""
    found = list(person.opportunities.select_related("owner").order_by("-created_at", "id"))
    return sorted(found, key=lambda deal: bool(deal.outcome))


def pipeline_of(opportunities: Sequence[Opportunity]) -> str:
    """The open ones in money, currency by currency: "EUR 64,000"; "" when there is nothing."""
    totals: dict[str, int] = defaultdict(int)
    for deal in opportunities:
        if deal.is_open and deal.amount:
            totals[deal.currency] += deal.amount
    return " + ".join(money_words(amount, currency) for currency, amount in sorted(totals.items()))


def stage_dates(person: Person) -> dict[str, datetime]:
    """When the person last came to each stage he was ever at, by stage; the first one he came to when he was met."""
    dates = dict(
        person.activities.filter(kind=Activity.Kind.STAGE).order_by("at", "id").values_list("stage", "at")
    )
    return {STAGES[0][0]: person.created_at, person.lifecycle_stage: person.created_at} | dates


@dataclass(frozen=True, slots=True)
class Context:
    """What a host should know of a person before he meets him."""

    person: Person
    activities: Sequence[Activity]
    opportunities: Sequence[Opportunity]


def contexts_of(person_ids: Collection[UUID]) -> dict[UUID, Context]:
    """Stage, latest activities and open opportunities of each of these people, by person; who is gone is left out."""
    deals: dict[UUID, list[Opportunity]] = defaultdict(list)
    for deal in Opportunity.objects.filter(person__in=person_ids, outcome="").order_by("-created_at", "id"):
        deals[deal.person_id].append(deal)
    return {
        person.pk: Context(person, activities_of(person, LATELY), deals[person.pk])
        for person in Person.objects.filter(pk__in=person_ids)
    }
