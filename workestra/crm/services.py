"""Writing people."""

from uuid import UUID

from workestra.crm.domain.addresses import normalized_email
from workestra.crm.models import Person


def match_or_create(*, workspace_id: UUID, email: str, name: str, phone: str = "") -> Person:
    """The workspace's person with this address, made when there is none yet.

    A known person keeps his name and phone: what a stranger types must not rewrite what the team knows.
    """
    person, _created = Person.objects.get_or_create(
        workspace_id=workspace_id,
        email=normalized_email(email),
        defaults={"name": name, "phone": phone},
    )
    return person
