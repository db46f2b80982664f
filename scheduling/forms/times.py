"""Times that are typed on the clock of a zone."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError

from scheduling.domain.wallclock import FURTHEST, SkippedTime, instant_of

_PASSED: Final = "That time has passed. Pick a later one."
_TOO_FAR: Final = "Pick a day within the next two years."


def instant_to_come(wall: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    """The instant of a typed wall time, in UTC. Raises: ValidationError when it does not lie ahead, or too far."""
    # First by the wall alone: far out of range, a zone cannot tell an offset.
    if abs((wall - now.replace(tzinfo=None)).days) > FURTHEST.days + 1:
        raise ValidationError(_TOO_FAR if wall > now.replace(tzinfo=None) else _PASSED)
    try:
        instant = instant_of(wall, zone)
    except SkippedTime as error:
        raise ValidationError(
            f"The clocks go forward over {wall:%H:%M} that day. Pick another time."
        ) from error
    if instant <= now:
        raise ValidationError(_PASSED)
    if instant > now + FURTHEST:
        raise ValidationError(_TOO_FAR)
    return instant
