"""Phone numbers as networks know them (ITU-T E.164), out of what people type."""

from functools import cache
from importlib.resources import files

import phonenumbers


class BadNumber(ValueError):
    """What was typed is no number that exists. The message says what to write instead."""


def number_of(text: str, region: str) -> str:
    """The number in E.164, such as "+4930123456". One without a "+" is read as it is dialled in `region`, such as "DE";
    "" knows none.

    Raises: BadNumber.
    """
    hint = "Write it with + and the country code, such as +49 30 123456"
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException as error:
        raise BadNumber(hint) from error
    if number.extension:
        raise BadNumber("Leave the extension out: texts go to the number itself")
    if not phonenumbers.is_valid_number(number):
        raise BadNumber(hint)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_mobile(number: str) -> bool:
    """Whether a number in E.164 may be a mobile phone's: not that of a landline, a premium service and the like."""
    kinds = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    return phonenumbers.number_type(phonenumbers.parse(number)) in kinds


def region_of(number: str) -> str:
    """The country of a number in E.164, such as "DE"; "" for one that belongs to none, such as a satellite's."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    region = phonenumbers.region_code_for_number(parsed)
    return region if region and region != "001" else ""


def shown(number: str) -> str:
    """The number as people write it: "+49 30 123456"."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def region_of_zone(zone: str) -> str:
    """The country of a time zone, such as "DE" for "Europe/Berlin"; "" for one of none, such as "UTC"."""
    return _regions_of_zones().get(zone, "")


def exists(region: str) -> bool:
    """Whether there are numbers of this country."""
    return region in phonenumbers.SUPPORTED_REGIONS


@cache
def _regions_of_zones() -> dict[str, str]:
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text()
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows}
