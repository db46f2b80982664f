"""Counting by the tables of 3GPP TS 23.038, beside a counter that really packs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workestra.sms.domain.segments import GSM, GSM_EXTENSION, plainer, segments_of


def packed(text: str) -> tuple[int, int]:
    """Encodes the text, and fills messages with it byte by byte: units used, messages."""
    basic = all(c in GSM | GSM_EXTENSION for c in text)
    if basic:
        atoms = [b"\x1b\x00" if c in GSM_EXTENSION else b"\x00" for c in text]
        single, each, width = 160, 153, 1
    else:
        atoms = [c.encode("utf-16-be", "surrogatepass") for c in text]
        single, each, width = 140, 134, 2
    used = sum(map(len, atoms))
    if used <= single:
        return used // width, 1
    messages: list[bytes] = [b""]
    for atom in atoms:
        if len(messages[-1] + atom) > each:
            messages.append(b"")
        messages[-1] += atom
    return used // width, len(messages)


TEXTS = st.one_of(
    st.text(st.sampled_from(sorted(GSM | GSM_EXTENSION)), max_size=700),
    st.text(st.sampled_from("aé€{😀–漢"), max_size=400),
)


@given(TEXTS)
@example("a" * 159 + "€")
@example("a" * 152 + "€" + "b" * 20)
@example("漢" * 66 + "😀" + "漢" * 10)
def test_texts_are_counted_as_if_they_were_packed(text: str) -> None:
    found = segments_of(text)
    assert (found.used, found.parts) == packed(text)
    assert found.used <= found.room


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 of 160"),
        ("a" * 160, "160 of 160"),
        ("a" * 161, "161 of 306, 2 texts"),
        ("€" * 80, "160 of 160"),
        ("€" * 81, "162 of 306, 2 texts"),
        ("a" * 152 + "€€", "156 of 160"),
        # The euro sign would be cut in two: it goes to the second, where it leaves a gap behind.
        ("a" * 152 + "€" + "a" * 152, "306 of 459, 3 texts"),
        ("漢" * 70, "70 of 70"),
        ("漢" * 71, "71 of 134, 2 texts"),
        ("漢" * 66 + "😀" + "漢" * 66, "134 of 201, 3 texts"),
    ],
)
def test_the_edges_of_a_text(text: str, words: str) -> None:
    assert segments_of(text).words == words


def test_typographic_signs_do_not_halve_the_room() -> None:
    assert plainer("16:30\u202f–\u00a017:00, ‘yes’ “no”…") == "16:30 - 17:00, 'yes' \"no\"..."
    assert segments_of(plainer("16:30 – 17:00 Berlin time (CET)")).is_gsm
