"""Every rule an invite must keep, with hostile text, read back by three parsers nobody here wrote."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import ics
import pytest
import vobject
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from workestra.calendars.domain.invites import (
    PRODID,
    Attendee,
    Invite,
    Method,
    Organizer,
    ParticipationStatus,
    Role,
    clean_line,
    clean_text,
    common_name,
    invite_uid,
    to_ics,
    web_url,
)
from workestra.calendars.domain.period import Period

START = datetime(2026, 11, 12, 15, 30, tzinfo=UTC)
UID = invite_uid(UUID("5f1c0b7e-41d2-4c69-9d0a-2f6f0a3f7f10"), "larkhill.example")
REQUEST = Invite(
    uid=UID,
    sequence=0,
    method=Method.REQUEST,
    period=Period(START, START + timedelta(minutes=30)),
    summary="Discovery Call",
    description="Bring your numbers.\nWe start on time.",
    location="Larkhill, 2nd floor",
    url="https://larkhill.example/book/alice-discovery-call",
    conference_url="https://zoom.example/j/93418820571?pwd=a,b;c",
    organizer=Organizer("Alice Okafor via Larkhill", "meet@larkhill.example"),
    attendees=(Attendee("Priya Nair", "priya@orchardfreight.example"),),
    dtstamp=datetime(2026, 11, 10, 9, 0, 1, tzinfo=UTC),
    reminder=timedelta(minutes=15),
)


def lines_of(invite: Invite) -> list[str]:
    """The unfolded content lines."""
    return to_ics(invite).decode().replace("\r\n ", "").split("\r\n")


# --- The text ------------------------------------------------------------------------------------------------------


def test_line_breaks_of_every_kind_become_one_kind() -> None:
    assert clean_text("a\r\nb\rc\vd\fe\x85f\u2028g\u2029h") == "a\nb\nc\nd\ne\nf\ng\nh"


def test_control_characters_and_lone_surrogates_go_and_tabs_stay() -> None:
    assert clean_text(" \x00a\x1b[31m\tb\x7f\x9f\ud83d ") == "a[31m\tb"


def test_a_line_has_single_blanks_and_no_breaks() -> None:
    assert clean_line("  Alice \r\n\tOkafor\u2028(AO) ") == "Alice Okafor (AO)"


def test_a_byte_order_mark_goes_wherever_it_is() -> None:
    assert clean_text("\ufeffAlice\ufeff Okafor") == "Alice Okafor"


def test_text_beyond_the_first_plane_is_kept() -> None:
    assert clean_text("🗓️ 𝔇iscovery") == "🗓️ 𝔇iscovery"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.com/x",
        "https://",
        "https:///path",
        "example.com",
        "https://exa mple.com",
        "https://example.com/\nX-INJECTED:1",
        'https://example.com/"',
        "https://[::1",
        "",
    ],
)
def test_what_is_no_web_address_is_not_written(url: str) -> None:
    assert web_url(url) == ""
    ics = to_ics(replace(REQUEST, url=url, conference_url=url))
    assert b"\r\nURL" not in ics
    assert b"CONFERENCE" not in ics


def test_a_backslash_in_a_name_does_not_swallow_the_address() -> None:
    backslashed = replace(REQUEST, attendees=(Attendee("AC\\DC\\", "priya@orchardfreight.example"),))
    (attendee,) = Calendar.from_ical(to_ics(backslashed)).events[0].attendees
    assert (attendee.params["CN"], str(attendee)) == ("AC/DC/", "mailto:priya@orchardfreight.example")


# --- The rules -----------------------------------------------------------------------------------------------------


def test_a_request_says_everything_a_calendar_needs() -> None:
    lines = lines_of(REQUEST)
    for line in (
        "VERSION:2.0",
        f"PRODID:{PRODID}",
        "CALSCALE:GREGORIAN",
        "METHOD:REQUEST",
        f"UID:{UID}",
        "SEQUENCE:0",
        "DTSTAMP:20261110T090001Z",
        "DTSTART:20261112T153000Z",
        "DTEND:20261112T160000Z",
        "STATUS:CONFIRMED",
        "SUMMARY:Discovery Call",
        r"DESCRIPTION:Bring your numbers.\nWe start on time.",
        r"LOCATION:Larkhill\, 2nd floor",
        "URL:https://larkhill.example/book/alice-discovery-call",
        "CONFERENCE;FEATURE=AUDIO,VIDEO;LABEL=Join;VALUE=URI:https://zoom.example/j/93418820571?pwd=a,b;c",
        'ORGANIZER;CN="Alice Okafor via Larkhill":mailto:meet@larkhill.example',
        'ATTENDEE;CN="Priya Nair";CUTYPE=INDIVIDUAL;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE'
        ":mailto:priya@orchardfreight.example",
        "TRIGGER:-PT15M",
    ):
        assert line in lines
    assert lines.count("BEGIN:VEVENT") == 1
    assert "BEGIN:VTIMEZONE" not in lines


def test_a_cancellation_says_so_twice_and_names_the_same_event_and_people() -> None:
    lines = lines_of(replace(REQUEST, method=Method.CANCEL, sequence=2))
    request = lines_of(REQUEST)
    assert "METHOD:CANCEL" in lines
    assert "STATUS:CANCELLED" in lines
    assert "SEQUENCE:2" in lines
    assert "BEGIN:VALARM" not in lines
    assert not any("RSVP" in line for line in lines)
    for start in ("UID:", "DTSTART:", "DTEND:", "ORGANIZER", "SUMMARY:"):
        assert [line for line in lines if line.startswith(start)] == [
            line for line in request if line.startswith(start)
        ]
    assert any(line.endswith(":mailto:priya@orchardfreight.example") for line in lines)


def test_an_invite_in_any_zone_is_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    moved = replace(
        REQUEST,
        period=Period(START.astimezone(berlin), (START + timedelta(minutes=30)).astimezone(berlin)),
        dtstamp=REQUEST.dtstamp.astimezone(berlin),
    )
    assert to_ics(moved) == to_ics(REQUEST)


@pytest.mark.parametrize(
    ("start", "written"),
    [
        # 02:30 CEST and 02:30 CET on the day Berlin falls back; 03:30 CEST right after it sprang forward.
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "DTSTART:20261025T003000Z"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "DTSTART:20261025T013000Z"),
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "DTSTART:20260329T013000Z"),
    ],
)
def test_the_hours_a_clock_change_doubles_or_skips_are_single_instants(start: datetime, written: str) -> None:
    assert written in lines_of(replace(REQUEST, period=Period(start, start + timedelta(hours=1))))


def test_who_has_answered_is_not_asked_again() -> None:
    accepted = Attendee(
        "Priya Nair", "priya@orchardfreight.example", Role.OPTIONAL, ParticipationStatus.ACCEPTED
    )
    line = next(
        line for line in lines_of(replace(REQUEST, attendees=(accepted,))) if line.startswith("ATTENDEE")
    )
    assert "RSVP" not in line
    assert "PARTSTAT=ACCEPTED" in line
    assert "ROLE=OPT-PARTICIPANT" in line


def test_an_event_without_extras_has_no_empty_properties() -> None:
    bare = replace(
        REQUEST,
        description=" \n",
        location="",
        url="",
        conference_url="",
        reminder=None,
        method=Method.PUBLISH,
        attendees=(),
    )
    text = to_ics(bare).decode()
    for name in ("DESCRIPTION", "LOCATION", "URL", "CONFERENCE", "VALARM", "ATTENDEE"):
        assert name not in text
    assert "METHOD:PUBLISH" in text


def test_special_characters_of_an_address_are_encoded() -> None:
    odd = Attendee('"x"', "o'brien+50%&y?cc=z@example.com")
    event = Calendar.from_ical(to_ics(replace(REQUEST, attendees=(odd,)))).events[0]
    assert str(event.attendees[0]) == "mailto:o'brien+50%25%26y%3Fcc%3Dz@example.com"


@pytest.mark.parametrize(
    "wrong",
    [
        {"attendees": ()},
        {"method": Method.PUBLISH},
        {"sequence": -1},
        {"uid": "\x00"},
        {"dtstamp": datetime(2026, 11, 10, 9)},
        {"period": Period(START, START)},
        {"period": Period(START, START + timedelta(milliseconds=200))},
        {"reminder": timedelta(minutes=-1)},
        {"organizer": Organizer("Alice", "meet")},
        {"organizer": Organizer("Alice", "meet@larkhill.example\r\nX-INJECTED:1")},
        {"attendees": (Attendee("Priya", "priya@orchard freight.example"),)},
        {"attendees": (Attendee("Priya", "@example.com"),)},
    ],
)
def test_a_message_the_rfc_forbids_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(REQUEST, **wrong)


def test_the_uid_of_a_series_never_changes() -> None:
    series = UUID("5f1c0b7e-41d2-4c69-9d0a-2f6f0a3f7f10")
    assert invite_uid(series, "larkhill.example") == "5f1c0b7e-41d2-4c69-9d0a-2f6f0a3f7f10@larkhill.example"


# --- Anything anybody can type ---------------------------------------------------------------------------------------

NASTY = [
    "\x00",
    "\x07",
    "\v",
    "\f",
    "\x1b",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\ud800",
    "\udfff",
    "\r",
    "\n",
    "\r\n",
    "\r\n ",
    "\\",
    "\\n",
    "\\;",
    ";",
    ",",
    ":",
    '"',
    "^",
    "^n",
    "=",
    "\ufeff",
    "\u202e",
    "\u200d",
    "é",
    "漢字",
    "🗓️",
    "END:VEVENT\r\nBEGIN:VEVENT\r\n",
    "\r\nATTENDEE:mailto:mallory@example.com",
    "\nX-INJECTED:1",
]
hostile = st.lists(
    st.one_of(
        st.sampled_from(NASTY),
        st.text(st.characters(codec=None), max_size=30),
        st.text("abc é", min_size=40, max_size=120),
    ),
    max_size=8,
).map("".join)
local_part = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+_-'%&#?!*=/", min_size=1, max_size=30)
address = st.builds("{}@{}.example".format, local_part, st.text("abcdefgh-", min_size=1, max_size=20))
url = st.one_of(
    st.just(""), hostile, st.builds("https://{}.example/{}".format, st.text("abc", min_size=1), hostile)
)
whole_seconds = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)


@st.composite
def invites(draw: st.DrawFn) -> Invite:
    start = draw(whole_seconds)
    method = draw(st.sampled_from(Method))
    attendee = st.builds(
        Attendee, hostile, address, st.sampled_from(Role), st.sampled_from(ParticipationStatus)
    )
    people = (0, 0) if method is Method.PUBLISH else (1 if method is Method.REQUEST else 0, 4)
    return Invite(
        uid=invite_uid(draw(st.uuids()), "larkhill.example"),
        sequence=draw(st.integers(0, 2**31 - 1)),
        method=method,
        period=Period(start, start + timedelta(seconds=draw(st.integers(1, 90_000)))),
        summary=draw(hostile),
        organizer=Organizer(draw(hostile), draw(address)),
        dtstamp=draw(whole_seconds),
        attendees=tuple(draw(st.lists(attendee, min_size=people[0], max_size=people[1]))),
        description=draw(hostile),
        location=draw(hostile),
        url=draw(url),
        conference_url=draw(url),
        reminder=draw(st.none() | st.integers(0, 40_000).map(lambda minutes: timedelta(minutes=minutes))),
    )


def as_vobject_reads(address: Any) -> tuple[str, str]:
    """Value and CN; vobject leaves the escapes of RFC 6868 alone."""
    name = address.params.get("CN", [""])[0]
    for escape, char in (("^n", "\n"), ("^'", '"'), ("^^", "^")):
        name = name.replace(escape, char)
    return address.value, name


def check_bytes(ics_bytes: bytes) -> None:
    assert ics_bytes.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in ics_bytes.replace(b"\r\n", b"")
    assert b"\r" not in ics_bytes.replace(b"\r\n", b"")
    for line in ics_bytes.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # No character is torn apart by folding.
    text = ics_bytes.decode()
    assert not set(text) & {"\x00", "\v", "\f", "\x1b", "\x1c", "\x85", "\u2028", "\u2029"}
    unfolded = text.replace("\r\n ", "").split("\r\n")
    assert unfolded.count("BEGIN:VEVENT") == 1
    assert not any(line.startswith("X-INJECTED") for line in unfolded)


def check_icalendar(ics_bytes: bytes, invite: Invite) -> None:
    calendar = Calendar.from_ical(ics_bytes)
    (event,) = calendar.events
    assert calendar["METHOD"] == invite.method
    assert event["STATUS"] == ("CANCELLED" if invite.method is Method.CANCEL else "CONFIRMED")
    assert (event.uid, event.sequence) == (invite.uid, invite.sequence)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (invite.period.start, invite.period.end)
    assert event["DTSTAMP"].dt == invite.dtstamp
    assert event["SUMMARY"] == clean_line(invite.summary)
    assert event.get("DESCRIPTION", "") == clean_text(invite.description)
    assert event.get("LOCATION", "") == clean_line(invite.location)
    assert event.get("URL", "") == web_url(invite.url)
    assert event.get("CONFERENCE", "") == web_url(invite.conference_url)
    assert event.organizer.params.get("CN", "") == common_name(invite.organizer.name)
    assert [attendee.params.get("CN", "") for attendee in event.attendees] == [
        common_name(attendee.name) for attendee in invite.attendees
    ]
    assert len(event.alarms.times) == (invite.reminder is not None and invite.method is not Method.CANCEL)


def check_vobject(ics_bytes: bytes, invite: Invite) -> None:
    calendar = vobject.readOne(ics_bytes.decode())
    calendar.validate(raiseException=True)
    event = calendar.vevent
    assert calendar.method.value == invite.method
    assert (event.uid.value, event.sequence.value) == (invite.uid, str(invite.sequence))
    assert (event.dtstart.value, event.dtend.value) == (invite.period.start, invite.period.end)
    assert event.summary.value == clean_line(invite.summary)
    assert getattr(event, "description", None) is None or event.description.value == clean_text(
        invite.description
    )
    assert len(event.contents.get("attendee", [])) == len(invite.attendees)
    for read, meant in zip(event.contents.get("attendee", []), invite.attendees, strict=True):
        value, name = as_vobject_reads(read)
        assert value.startswith("mailto:")
        if "^" not in meant.name:
            assert name == common_name(meant.name)


def check_ics(ics_bytes: bytes, invite: Invite) -> None:
    (event,) = ics.Calendar(ics_bytes.decode()).events
    assert event.uid == invite.uid
    assert (event.begin.datetime, event.end.datetime) == (invite.period.start, invite.period.end)
    # ics 0.7 takes an escaped backslash followed by "n" for a line break.
    if "\\" not in invite.summary + invite.description:
        assert (event.name or "") == clean_line(invite.summary)
        assert (event.description or "") == clean_text(invite.description)
    assert len(event.attendees) <= len(invite.attendees)


def check_everything(invite: Invite) -> None:
    ics_bytes = to_ics(invite)
    check_bytes(ics_bytes)
    check_icalendar(ics_bytes, invite)
    check_vobject(ics_bytes, invite)
    check_ics(ics_bytes, invite)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(invites())
def test_whatever_people_type_three_parsers_read_back_what_was_meant(invite: Invite) -> None:
    check_everything(invite)


@pytest.mark.thorough
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.too_slow])
@given(invites())
def test_whatever_more_people_type_three_parsers_read_back_what_was_meant(invite: Invite) -> None:
    check_everything(invite)


@settings(max_examples=50)
@given(invites().filter(lambda invite: invite.method is Method.REQUEST), st.integers(-30, 30).filter(bool))
def test_an_event_keeps_its_identity_from_request_over_update_to_cancellation(
    first: Invite, days: int
) -> None:
    moved = replace(
        first,
        sequence=first.sequence // 2 + 1,
        period=Period(first.period.start + timedelta(days=days), first.period.end + timedelta(days=days)),
    )
    first = replace(first, sequence=first.sequence // 2)
    cancelled = replace(moved, sequence=moved.sequence + 1, method=Method.CANCEL)
    events = []
    for invite in (first, moved, cancelled):
        check_everything(invite)
        events.append(Calendar.from_ical(to_ics(invite)).events[0])
    assert len({event.uid for event in events}) == 1
    assert [event.sequence for event in events] == [first.sequence + step for step in range(3)]
    assert len({(str(event.organizer), event.organizer.params.get("CN")) for event in events}) == 1
    assert len({tuple(map(str, event.attendees)) for event in events}) == 1
    assert events[1]["DTSTART"].dt == events[2]["DTSTART"].dt != events[0]["DTSTART"].dt
