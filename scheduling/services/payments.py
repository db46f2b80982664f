"""Whether bookings can be paid. No payment provider can be connected yet, so that nobody can be asked for money.

Whatever makes a link or a template begin to ask is refused, and a copy does not ask. What asks already, as where a
provider was connected once, may be saved as it is; a template that asks may be saved, rolled back and reset to as long
as no link begins to ask by it.
"""

from collections.abc import Mapping
from typing import Any, Final

NO_PAYMENTS: Final = "No payment provider is connected to this workspace, so bookings cannot be paid yet."


class NoPayments(ValueError):
    """Payment was asked for where none can be taken; the text says why. Nothing was written."""


def refuse_unpayable(values: Mapping[str, Any], *, before: bool) -> None:
    """Refuse settings that begin to ask for payment; `before` is whether they did already. Raises: NoPayments."""
    if values.get("requires_payment") and not before:
        raise NoPayments(NO_PAYMENTS)
