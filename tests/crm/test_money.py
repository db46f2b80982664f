"""Prices in minor units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workestra.crm.domain.money import DIGITS, MAX_MINOR, amount_text, minor_units


@given(minor=st.integers(0, MAX_MINOR), currency=st.sampled_from(sorted(DIGITS)))
def test_a_price_is_read_as_it_is_written(minor: int, currency: str) -> None:
    assert minor_units(amount_text(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("", "EUR"),
        ("-1", "EUR"),
        ("1.234", "EUR"),
        ("0.5", "JPY"),
        ("1 000", "EUR"),
        ("1e3", "EUR"),
        ("٣", "EUR"),
        ("1.", "EUR"),
        ("NaN", "EUR"),
        (str(MAX_MINOR), "EUR"),
        ("9" * 13, "JPY"),
    ],
)
def test_what_is_no_price_of_the_currency_is_refused(typed: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        minor_units(typed, currency)


def test_zeros_beyond_the_smallest_coin_do_no_harm() -> None:
    assert minor_units("500.00", "JPY") == 500
    assert minor_units("49.500", "EUR") == 4950
