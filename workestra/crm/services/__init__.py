"""Writing people, what happened with them, and what may come of it. Every change a member makes is in the audit log."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Case, Subquery, Value, When
from django.db.models.functions import Coalesce

from workestra.accounts.models import Membership, User
from workestra.audit import services as audit
from workestra.crm.domain.addresses import normalized_email
from workestra.crm.models import Activity, Opportunity, Person

ONCE: Final = "person_once_per_address"
PERSON_FIELDS: Final = ("name", "email", "phone", "company", "lifecycle_stage")
DEAL_FIELDS: Final = ("title", "stage", "amount", "currency", "closes_on", "outcome")


class AddressTaken(Exception):
    """Another person of the workspace has this address."""


def match_or_create(*, workspace_id: UUID, email: str, name: str, phone: str, now: datetime) -> Person:
    """The workspace's person with this address, made when there is none yet.

    A known person keeps his name and phone: what a stranger types must not rewrite what the team knows. An address that
    was merged is that of whom it was merged into. He is held until the transaction ends, so that he is neither merged
    nor erased before the caller has written what is his.
    """
    address = normalized_email(email)
    named = Person.objects.filter(workspace=workspace_id, email=address)
    whose = named.values(person=Coalesce("merged_into", "id"))
    while True:
        person = Person.objects.select_for_update(no_key=True).filter(pk=Subquery(whose)).first()
        if person is None:
            person, created = Person.objects.get_or_create(
                workspace_id=workspace_id,
                email=address,
                defaults={"name": name, "phone": phone, "created_at": now},
            )
            if created:
                return person
        elif person.merged_into_id is None:
            return person


def create_person(*, by: Membership, values: Mapping[str, Any], now: datetime) -> Person:
    """Write somebody down; `by` owns him. `values` are those of PERSON_FIELDS.

    Raises: AddressTaken.
    """
    person = Person(workspace=by.workspace, owner=by.user, created_at=now, **values)
    with transaction.atomic():
        _save_person(person)
        note_stage(person, "", by.user, now)
        record("person.created", person, by.user, now, after=facts_of(person, PERSON_FIELDS))
    return person


def update_person(*, person_id: UUID, by: Membership, values: Mapping[str, Any], now: datetime) -> Person:
    """Change what is known of a person; a new stage is an activity as well. `values` are those of PERSON_FIELDS.

    An address that was merged into him may become the one he is written to at; the former one stays known.

    Raises: AddressTaken; Person.DoesNotExist.
    """
    with transaction.atomic():
        person = _held(person_id, by)
        before = facts_of(person, PERSON_FIELDS)
        put_first(person, values["email"])
        for name in PERSON_FIELDS:
            setattr(person, name, values[name])
        _save_person(person)
        note_stage(person, before["lifecycle_stage"], by.user, now)
        record_change("person.updated", person, before, facts_of(person, PERSON_FIELDS), by.user, now)
    return person


def erase(people: Collection[Person]) -> None:
    """Forget these people, with their activities and opportunities; nobody is told. In the caller's transaction."""
    Person.objects.filter(pk__in=[person.pk for person in people]).delete()


def add_activity(
    *, person: Person, kind: str, text: str, at: datetime, by: Membership, now: datetime
) -> Activity:
    """Write down something that happened with a person at that instant. Raises: Person.DoesNotExist."""
    with transaction.atomic():
        person = _held(person.pk, by)
        activity = Activity.objects.create(person=person, author=by.user, kind=kind, text=text, at=at)
        record("person.activity_created", person, by.user, now, after={"activity": text})
    return activity


def update_activity(
    *, activity: Activity, kind: str, text: str, at: datetime, by: Membership, now: datetime
) -> None:
    """Write something else in its place. Raises: Activity.DoesNotExist when somebody has deleted it."""
    with transaction.atomic():
        current = Activity.objects.select_for_update().get(pk=activity.pk)
        before = {"activity": current.text, "kind": current.kind, "at": current.at.isoformat()}
        current.kind, current.text, current.at = kind, text, at
        current.save(update_fields=["kind", "text", "at"])
        after = {"activity": text, "kind": kind, "at": at.isoformat()}
        record_change("person.activity_updated", activity.person, before, after, by.user, now)


def delete_activity(*, activity: Activity, by: Membership, now: datetime) -> None:
    """Forget it; nothing happens when somebody did already."""
    with transaction.atomic():
        deleted, _ = Activity.objects.filter(pk=activity.pk).delete()
        if deleted:
            before = {"activity": activity.text}
            record("person.activity_deleted", activity.person, by.user, now, before=before)


def create_opportunity(
    *, person: Person, by: Membership, values: Mapping[str, Any], now: datetime
) -> Opportunity:
    """Write down what may come of a person; `by` owns it. `values` are those of DEAL_FIELDS.

    Raises: Person.DoesNotExist.
    """
    with transaction.atomic():
        person = _held(person.pk, by)
        deal = Opportunity.objects.create(person=person, owner=by.user, created_at=now, **values)
        record("opportunity.created", person, by.user, now, after=facts_of(deal, DEAL_FIELDS))
    return deal


def update_opportunity(
    *, opportunity: Opportunity, by: Membership, values: Mapping[str, Any], now: datetime
) -> Opportunity:
    """Change an opportunity, or close it with an outcome. `values` are those of DEAL_FIELDS.

    Raises: Opportunity.DoesNotExist.
    """
    with transaction.atomic():
        deal = Opportunity.objects.select_for_update(of=("self",)).get(pk=opportunity.pk)
        before = facts_of(deal, DEAL_FIELDS)
        for name in DEAL_FIELDS:
            setattr(deal, name, values[name])
        deal.save(update_fields=DEAL_FIELDS)
        after = facts_of(deal, DEAL_FIELDS)
        record_change("opportunity.updated", opportunity.person, before, after, by.user, now)
    return deal


def put_first(person: Person, email: str) -> None:
    """Exchange his address with one that was merged into him; nothing when it was not. He is held by the caller."""
    former = person.met_as.select_for_update(no_key=True).filter(email=normalized_email(email)).first()
    if former is not None:
        exchanged = Case(When(pk=person.pk, then=Value(former.email)), default=Value(person.email))
        Person.objects.filter(pk__in=(person.pk, former.pk)).update(email=exchanged)
        person.email = former.email


def _held(person_id: UUID, by: Membership) -> Person:
    """The person as he is now, neither merged nor erased until the transaction ends. Raises: Person.DoesNotExist."""
    people = Person.objects.select_for_update(no_key=True)
    return people.get(pk=person_id, workspace=by.workspace_id, merged_into=None)


def _save_person(person: Person) -> None:
    person.email = normalized_email(person.email)
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") == ONCE:
            raise AddressTaken(person.email) from error
        raise


def note_stage(person: Person, before: str, author: User, now: datetime) -> None:
    """Write down that he has come to another stage than the one before; nothing when he has not."""
    if person.lifecycle_stage == before:
        return
    Activity.objects.create(
        person=person,
        author=author,
        kind=Activity.Kind.STAGE,
        text=f"Stage set to {person.get_lifecycle_stage_display()}",
        stage=person.lifecycle_stage,
        at=now,
    )


def facts_of(thing: Person | Opportunity, names: tuple[str, ...]) -> dict[str, Any]:
    """These values of it, as the audit log takes them."""
    values = {name: getattr(thing, name) for name in names}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def record_change(
    action: str,
    person: Person,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    actor: User,
    now: datetime,
) -> None:
    """Only what changed; nothing at all when nothing did."""
    changed = [name for name in after if before[name] != after[name]]
    if changed:
        record(
            action,
            person,
            actor,
            now,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )


def record(action: str, person: Person, actor: User, now: datetime, **more: Any) -> None:
    """Put something that was done to a person into the audit log; `more` as `audit.record` takes it."""
    audit.record(
        workspace_id=person.workspace_id,
        action=action,
        target_type="person",
        target_id=person.pk,
        target_name=person.name,
        at=now,
        actor=actor,
        **more,
    )
