"""What is held about somebody, found by one of his addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, TextField
from django.db.models.functions import Cast

from bookings.models import AnswerFile, Attendee, Booking
from one_off.models import OneOff, Proposal
from workestra.accounts.models import Membership
from workestra.audit.erasing import Traces
from workestra.crm.domain.addresses import normalized_email
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage
from workestra.privacy.models import Retention
from workestra.sms.models import Consent


@dataclass(frozen=True)
class Dossier:
    """Everything in a workspace that belongs to one person. `people` are he and whoever was merged into him."""

    workspace_id: UUID
    addresses: frozenset[str]
    people: Sequence[Person]
    attendees: Sequence[Attendee]
    one_offs: Sequence[OneOff]
    """Those offered to him, and those he has booked."""
    proposals: Sequence[Proposal]
    named_in: Sequence[Attendee]
    """Others, who have named him as a guest."""
    is_member: bool
    """Whether somebody signs in with one of the addresses: his account is no part of this."""

    @property
    def guest_of(self) -> int:
        """How many others have named him as a guest."""
        return len(self.named_in)

    @property
    def is_empty(self) -> bool:
        return not (self.people or self.attendees or self.one_offs or self.proposals or self.named_in)

    @property
    def person(self) -> Person | None:
        return next((person for person in self.people if person.merged_into_id is None), None)

    @property
    def name(self) -> str:
        """By which he is called; his address where nobody knows."""
        return self.person.name if self.person else next(iter(self._named), min(self.addresses))

    @property
    def _named(self) -> list[str]:
        return [
            *(person.name for person in self.people),
            *(attendee.name for attendee in self.attendees),
            *(proposal.name for proposal in self.proposals),
            *(each.invitee_name for each in self.one_offs if each.invitee_name and self.is_offered(each)),
        ]

    def is_offered(self, one_off: OneOff) -> bool:
        """Whether he is who the host expected, as far as the host has said whom he did."""
        return not one_off.invitee_email or normalized_email(one_off.invitee_email) in self.addresses

    @cached_property
    def numbers(self) -> set[str]:
        said = [
            *(person.phone for person in self.people),
            *(attendee.phone for attendee in self.attendees),
            *(proposal.phone for proposal in self.proposals),
        ]
        return set(filter(None, said))

    @cached_property
    def traces(self) -> Traces:
        """What he is known by in texts, as it was typed."""
        typed = {
            *(attendee.email for attendee in self.attendees),
            *(proposal.email for proposal in self.proposals),
        }
        return Traces.of(self.addresses | typed, self.numbers.union(self._named))

    def upcoming(self, now: datetime) -> list[Attendee]:
        """His parts in meetings to come, by start."""
        found = [attendee for attendee in self.attendees if attendee.is_upcoming(now)]
        return sorted(found, key=lambda attendee: (attendee.booking.starts_at, attendee.pk))

    def offered(self, now: datetime) -> list[OneOff]:
        """Times that are offered to him now."""
        return [each for each in self.one_offs if each.state_at(now) == OneOff.State.OPEN]

    @cached_property
    def files(self) -> list[AnswerFile]:
        series = {attendee.series_id for attendee in self.attendees}
        return list(AnswerFile.objects.filter(series_id__in=series).order_by("created_at", "pk"))

    @cached_property
    def messages(self) -> list[OutboxMessage]:
        """Mails and texts to him, newest first, without what they said. What goes to a bare number is for a member."""
        to_him = Q(pk=None)
        for address in self.addresses:
            to_him |= Q(recipient__iexact=address)
        found = OutboxMessage.objects.filter(to_him, workspace=self.workspace_id)
        if self.is_member:
            # As a host he is written to about others.
            found = found.filter(topic_id__in=[each.pk for each in (*self.attendees, *self.proposals)])
        return list(found.defer("payload").order_by("-created_at", "pk"))

    @cached_property
    def consents(self) -> list[Consent]:
        """What he said about texts to his numbers, or the phone itself, in order. Others may have the number, too."""
        said_here = Q(
            workspace=self.workspace_id, booking_id__in=[each.booking_id for each in self.attendees]
        )
        said = Consent.objects.filter(said_here | Q(workspace=None), number__in=self.numbers)
        return list(said.order_by("id"))

    @cached_property
    def token(self) -> str:
        """Stands for what the dossier has: another one once something has come or gone."""
        rows = (*self.people, *self.attendees, *self.one_offs, *self.proposals)
        return sha256(" ".join([str(self.guest_of), *(str(row.pk) for row in rows)]).encode()).hexdigest()


def dossier(workspace_id: UUID, email: str) -> Dossier:
    """What the workspace holds about whoever has this address, or one that was merged with it; empty when nothing.

    So has who booked with it, and was given another one by a member since.
    """
    address = normalized_email(email)
    here = Attendee.objects.filter(booking__workspace=workspace_id)
    known = Person.objects.filter(workspace=workspace_id, email=address).first()
    if known is None:
        booked = here.filter(email__iexact=address).exclude(person=None).select_related("person").first()
        known = booked.person if booked else None
    kept = known and (known.merged_into_id or known.pk)
    of_him = Person.objects.filter(Q(pk=kept) | Q(merged_into=kept)) if kept else Person.objects.none()
    people = list(of_him.order_by("pk"))
    addresses = frozenset({address, *(person.email for person in people), *_former_addresses(people)})
    by_address, invited, named = Q(pk=None), Q(pk=None), Q(pk=None)
    for each in addresses:
        by_address |= Q(email__iexact=each)
        invited |= Q(invitee_email__iexact=each)
        named |= Q(guests_text__icontains=each)
    attendees = list(
        here.filter(by_address | Q(person__in=people)).select_related("booking__link").order_by("pk")
    )
    one_offs = OneOff.objects.filter(workspace=workspace_id)
    guests = here.annotate(guests_text=Cast("guests", TextField())).exclude(pk__in=[a.pk for a in attendees])
    named_in = guests.filter(named).order_by("pk")
    members = Membership.objects.filter(workspace=workspace_id)
    return Dossier(
        workspace_id=workspace_id,
        addresses=addresses,
        people=people,
        attendees=attendees,
        one_offs=list(
            one_offs.filter(invited | Q(booking__in=[each.booking_id for each in attendees])).order_by("pk")
        ),
        proposals=list(
            Proposal.objects.filter(by_address | Q(attendee__in=attendees), one_off__in=one_offs).order_by(
                "pk"
            )
        ),
        named_in=[
            each for each in named_in if any(normalized_email(guest) in addresses for guest in each.guests)
        ],
        is_member=any(members.filter(user__email__iexact=each).exists() for each in addresses),
    )


def _former_addresses(people: Sequence[Person]) -> set[str]:
    """With which these people have booked, but for those that are another's by now."""
    attended = Attendee.objects.filter(person__in=people).exclude(email="")
    former = {normalized_email(email) for email in attended.values_list("email", flat=True)}
    if not former:
        return former
    others = Person.objects.filter(workspace=people[0].workspace_id, email__in=former)
    return former - set(
        others.exclude(pk__in=[person.pk for person in people]).values_list("email", flat=True)
    )


def retention_of(workspace_id: UUID) -> int | None:
    """After how many days the workspace has answers erased; None when it keeps them."""
    return Retention.objects.filter(workspace=workspace_id).values_list("days", flat=True).first()


def answers_over(retention: Retention, now: datetime, most: int) -> list[Attendee]:
    """Attendees of the workspace whose answers are to be erased, oldest meeting first, at most so many.

    One who has moved to another time has his answers there as well: they go when the last of his meetings is over for
    so long.
    """
    before = now - timedelta(days=retention.days)
    later = Booking.objects.filter(attendees__series_id=OuterRef("series_id"), ends_at__gt=before)
    over = Attendee.objects.filter(
        booking__workspace=retention.workspace_id, booking__ends_at__lte=before, answers_erased_at=None
    )
    return list(
        over.annotate(has_file=Exists(AnswerFile.objects.filter(series_id=OuterRef("series_id"))))
        .exclude(Q(answers=[]) & Q(notes="") & Q(has_file=False))
        .exclude(Exists(later))
        .select_related("booking")
        .order_by(F("booking__ends_at"), "pk")[:most]
    )
