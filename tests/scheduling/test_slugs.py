"""Addresses of booking links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.slugs import MAX_LENGTH, RESERVED, problem, suggested_slug


@given(title=st.text(max_size=200), taken=st.sets(st.sampled_from(["meeting", "a", "meeting-2", "x-2"])))
def test_every_title_gives_an_address_that_is_free_and_allowed(title: str, taken: set[str]) -> None:
    slug = suggested_slug(title, taken)
    assert problem(slug) == ""
    assert slug not in taken


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Discovery Call", "discovery-call"),
        ("  Kaffee & Code!  ", "kaffee-code"),
        ("Straße in Łódź, Ærø", "strasse-in-lodz-aero"),
        ("Été ’30", "ete-30"),
        ("İstanbul", "istanbul"),
        ("会议", "meeting"),
        ("Admin", "admin-2"),
        ("", "meeting"),
    ],
)
def test_a_title_becomes_an_address_one_can_say(title: str, slug: str) -> None:
    assert suggested_slug(title, ()) == slug


def test_a_long_address_is_cut_so_that_its_number_fits() -> None:
    wanted = "x" * MAX_LENGTH
    assert suggested_slug(wanted, {wanted}) == "x" * (MAX_LENGTH - 2) + "-2"


@pytest.mark.parametrize("slug", sorted(RESERVED))
def test_our_own_words_are_reserved(slug: str) -> None:
    assert "we need ourselves" in problem(slug)
