from typing import Any

import pytest

from workestra.sms import setup
from workestra.sms.numbers import BadNumber, number_of, region_of, region_of_zone, shown


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+49 151 12345678", "", "+4915112345678"),
        ("0151 12345678", "DE", "+4915112345678"),
        ("(202) 456-1111", "US", "+12024561111"),
        ("+49 151 12345678", "US", "+4915112345678"),
        ("0049 151 12345678", "DE", "+4915112345678"),
    ],
)
def test_numbers_are_read_as_they_are_dialled_there(typed: str, region: str, number: str) -> None:
    assert number_of(typed, region) == number


@pytest.mark.parametrize(
    "typed", ["", "call me", "0151 12345678", "+49 1", "+999 123456789", "1" * 40, "+" * 20]
)
def test_what_is_no_number_is_refused_with_how_to_write_one(typed: str) -> None:
    with pytest.raises(BadNumber, match=r"\+ and the country code"):
        number_of(typed, "")


def test_an_extension_cannot_be_texted() -> None:
    with pytest.raises(BadNumber, match="extension"):
        number_of("+1 202 456 1111 ext. 7", "")


def test_a_zone_tells_the_country_it_is_in() -> None:
    assert [region_of_zone(zone) for zone in ("Europe/Berlin", "America/New_York", "UTC")] == ["DE", "US", ""]
    assert region_of("+4915112345678") == "DE"
    assert shown("+4915112345678") == "+49 1511 2345678"


def test_without_a_list_only_the_senders_own_country_is_texted(ready: None, settings: Any) -> None:
    settings.SMS_COUNTRIES = []
    assert setup.countries() == {"US"}
    assert not setup.is_reachable("+4915112345678")
    settings.TWILIO_FROM, settings.TWILIO_MESSAGING_SERVICE_SID = "", "MG" + "0" * 32
    assert setup.missing() == ["SMS_COUNTRIES"]
    assert "SMS_COUNTRIES" in setup.why_not()
