"""Where a meeting takes place, in the booker's words."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from workestra.calendars.domain.invites import web_url
from workestra.calendars.domain.kinds import MEETING_PLACES

MEETING: Final = "meeting"
"""A video call at a link that the host's calendar makes for each meeting (Google Meet, Teams)."""
_PROVIDERS: Final = dict(MEETING_PLACES)
LINK_MADE: Final = frozenset({MEETING, *_PROVIDERS})
"""The places whose link comes after the booking: made by the host's calendar, or by an account of his."""
VIDEO: Final = LINK_MADE | {"video"}
_MEETING_SITES: Final = {
    "meet.google.com": "Meet",
    "zoom.us": "Zoom",
    "teams.microsoft.com": "Teams",
    "teams.live.com": "Teams",
    "webex.com": "Webex",
}


@dataclass(frozen=True, slots=True)
class Location:
    """`url` is set only when it may be followed (http or https); `note` says what happens next, if anything."""

    icon: str
    text: str
    url: str = ""
    note: str = ""


def location_before(kind: str, detail: str, host: str) -> Location:
    """What a page says before anybody has booked: a video link is not given away. `host` is a first name."""
    match kind:
        case "phone":
            return Location("phone", "Phone call", note=f"{_starting(host)} calls the number you give")
        case _ if kind in LINK_MADE or (kind == "video" and detail):
            return Location("video", _named(kind), note="You get the link when you book")
        case "video":
            return Location("video", "Video call", note=f"{_starting(host)} sends you the link")
        case "in_person":
            return Location("map-pin", detail or "In person", note="" if detail else f"Agreed with {host}")
        case _:
            return Location("info", detail or f"Agreed with {host}")


def location_after(kind: str, detail: str, phone: str, host: str) -> Location:
    """What somebody who has booked is told. `phone` is the number he gave, `host` a first name."""
    match kind:
        case "phone" if phone:
            return Location("phone", f"{_starting(host)} calls you on {phone}")
        case "phone":
            return Location("phone", f"{_starting(host)} calls you")
        case _ if kind in VIDEO:
            url = web_url(detail)
            return Location(
                "video", shown_url(url) if url else detail or f"{_starting(host)} sends you the link", url
            )
        case "in_person":
            return Location("map-pin", detail or f"Agreed with {host}")
        case _:
            return Location("info", detail or f"Agreed with {host}", web_url(detail))


def location_in_row(kind: str, detail: str) -> Location:
    """In a word or two, for lists: "Phone", "Zoom", an address. `url` is the meeting's, when it may be followed."""
    match kind:
        case "phone":
            return Location("phone", "Phone")
        case _ if kind in VIDEO:
            url = web_url(detail)
            return Location("video", _PROVIDERS.get(kind) or _meeting_site(url), url)
        case "in_person":
            return Location("map-pin", detail or "In person")
        case _:
            return Location("info", detail or "To be agreed", web_url(detail))


def location_for_host(kind: str, detail: str, phone: str, booker: str) -> str:
    """Where the host's calendar says that it takes place; "" when nothing is known."""
    if kind == "phone":
        return f"Call {booker} on {phone}" if phone else f"Call {booker}"
    return detail


def shown_url(url: str) -> str:
    """An address as people read it: without its scheme."""
    return url.partition("://")[2].rstrip("/")


def _named(kind: str) -> str:
    return f"{_PROVIDERS[kind]} meeting" if kind in _PROVIDERS else "Video call"


def _meeting_site(url: str) -> str:
    host = (urlsplit(url).hostname or "") if url else ""
    return next(
        (name for site, name in _MEETING_SITES.items() if host == site or host.endswith(f".{site}")), "Video"
    )


def _starting(name: str) -> str:
    return name[:1].upper() + name[1:]
