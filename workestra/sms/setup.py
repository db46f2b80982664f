"""Whether this installation can send text messages, to where, and why not."""

from django.conf import settings

from workestra.sms.numbers import exists, region_of


def missing() -> list[str]:
    """The settings that an administrator has to set before there are text messages; none when all is there."""
    wanted = {
        "TWILIO_ACCOUNT_SID": settings.TWILIO_ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": settings.TWILIO_AUTH_TOKEN,
        "TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID": settings.TWILIO_FROM
        or settings.TWILIO_MESSAGING_SERVICE_SID,
    }
    names = [name for name, value in wanted.items() if not value]
    if not names and not countries():
        names.append("SMS_COUNTRIES")
    return names


def is_ready() -> bool:
    """Whether text messages can be sent."""
    return not missing()


def why_not() -> str:
    """Why nobody can be texted, for who would like to; "" when it is set up."""
    names = missing()
    if not names:
        return ""
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"Text messages are not set up on this installation. Its administrator sets {listed}."


def countries() -> frozenset[str]:
    """The countries whose numbers are texted: those of SMS_COUNTRIES, else that of the number texts come from."""
    if settings.SMS_COUNTRIES:
        return frozenset(region.upper() for region in settings.SMS_COUNTRIES if exists(region.upper()))
    own = region_of(settings.TWILIO_FROM)
    return frozenset({own} if own else ())


def is_reachable(number: str) -> bool:
    """Whether numbers of this one's country are texted at all."""
    return region_of(number) in countries()
