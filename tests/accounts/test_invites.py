"""What an admin types to invite people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workestra.accounts.domain.invites import BadLine, Invitee, base_of_username, free_username, invitees


def test_lines_are_read_with_and_without_names_each_address_once() -> None:
    typed = """
        Hana Novák <Hana@Larkhill.example>
        tom.van_der-berg@larkhill.example

        hana@larkhill.example
    """
    assert invitees(typed) == [
        Invitee("Hana Novák", "hana@larkhill.example"),
        Invitee("Tom Van Der Berg", "tom.van_der-berg@larkhill.example"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Hana",
        "hana@",
        "@larkhill.example",
        "hana@larkhill",
        "a b@c.example, d@e.example",
        "a@b.example; c@d.example",
    ],
)
def test_a_line_without_an_address_is_named(line: str) -> None:
    with pytest.raises(BadLine) as bad:
        invitees(f"tom@larkhill.example\n{line}")
    assert bad.value.line == line


@given(st.text())
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    try:
        found = invitees(text)
    except BadLine:
        return
    for person in found:
        assert person.name
        assert person.email == person.email.lower()
        assert "\n" not in person.name + person.email


def test_a_username_is_free_and_made_of_the_address() -> None:
    assert base_of_username("Hana.Novak+x@larkhill.example") == "hana-novak-x"
    assert base_of_username("+@larkhill.example") == "member"
    assert free_username("hana", {"hana-2"}) == "hana"
    assert free_username("hana", {"hana", "hana-2", "hanako"}) == "hana-3"
