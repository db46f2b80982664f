"""How many bookings one email address may be entered with: whoever types it need not be its owner."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from bookings import selectors
from workestra.crm.domain.addresses import normalized_email
from workestra.limits import services as limits
from workestra.limits.services import LimitReached


@contextmanager
def counted(addresses: Sequence[str], link_id: UUID | None = None) -> Iterator[None]:
    """Count what the block books: the first address is the booker's, the others are those of guests, who get mail as
    well. When the block raises, nothing was booked, and nothing is counted.

    Only strangers are held to a number of mails: see `selectors.is_known`. For callers outside of transactions.

    Raises: LimitReached, before the block is run; with the limit "mails_to_guests" when it is about a guest.
    """
    spent: list[tuple[str, ...]] = []
    try:
        if link_id is not None:
            _spend(spent, "bookings_by_address", _mailbox(addresses[0]), str(link_id))
        for address in addresses:
            try:
                _spend(spent, "mails_to_strangers", _mailbox(address))
            except LimitReached as reached:
                if selectors.is_known(address):
                    continue
                if address != addresses[0]:
                    raise LimitReached("mails_to_guests", reached.wait) from reached
                raise
        yield
    except BaseException:
        for limit, *subject in spent:
            limits.give_back(limit, *subject)
        raise


def _spend(spent: list[tuple[str, ...]], limit: str, *subject: str) -> None:
    limits.spend(limit, *subject)
    spent.append((limit, *subject))


def _mailbox(address: str) -> str:
    """Where the mail arrives: most providers leave out what follows a plus."""
    local, _, domain = normalized_email(address).rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
