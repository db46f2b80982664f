"""Any CalDAV server (RFC 4791), by the caldav library; changes by sync-collection (RFC 6578) where it has that."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit
from uuid import UUID
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import requests
from caldav.davclient import DAVClient
from caldav.lib import error as dav
from icalendar import Calendar, Event
from lxml import etree

from workestra.calendars.domain.event_ids import uid
from workestra.calendars.domain.period import Period
from workestra.calendars.providers.ical import pieces
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    CalendarFacts,
    Changes,
    Channel,
    Conflict,
    CursorDead,
    Gone,
    NotAllowed,
    Piece,
    ProviderDown,
    ProviderEvent,
    RateLimited,
    WrittenEvent,
)
from workestra.egress import EgressSession, Refused

logging.getLogger("caldav").setLevel(
    logging.CRITICAL
)  # It would log addresses and bodies of people's calendars.

NAMES: Final = {"d": "DAV:", "c": "urn:ietf:params:xml:ns:caldav", "cs": "http://calendarserver.org/ns/"}
_XMLNS: Final = (
    'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/"'
)
AT_ONCE: Final = 50
TRIES: Final = 4
MOST_ROUNDS: Final = 100
"""So many parts of a list of changes are asked for; a server that has more is read as a whole."""
_SYNC: Final = "sync:"
_CTAG: Final = "ctag:"


@dataclass(frozen=True, slots=True)
class _Answer:
    href: str
    status: int
    props: Mapping[str, etree._Element]

    def text(self, name: str) -> str:
        element = self.props.get(name)
        return (element.text or "").strip() if element is not None else ""


class CalDAVCalendar:
    """An account on a CalDAV server. Calendars are named by their paths."""

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        zone: ZoneInfo,
        addresses: Collection[str] = (),
        within: float | None = None,
    ) -> None:
        """All requests together take at most `within` seconds; without it, each may take half a minute."""
        self._zone = zone
        self._addresses = addresses
        self._url = url
        # The library looks for nothing by itself: names of servers come from the address alone.
        self._client: Any = DAVClient(
            url, username=username, password=password, enable_rfc6764=False, timeout=10
        )
        self._client.session = _OneSite(url, within)

    def calendars(self) -> Sequence[CalendarFacts]:
        home = self._home()
        body = _propfind(
            "d:resourcetype",
            "d:displayname",
            "c:supported-calendar-component-set",
            "d:current-user-privilege-set",
        )
        found = []
        for answer in self._multistatus("PROPFIND", home, body, depth="1"):
            kind = answer.props.get(_tag("d:resourcetype"))
            if kind is None or kind.find("c:calendar", NAMES) is None or not _takes_events(answer):
                continue
            path = urlsplit(urljoin(home, answer.href)).path
            name = answer.text(_tag("d:displayname")) or unquote(path.rstrip("/").rpartition("/")[2])
            found.append(
                CalendarFacts(id=self._id_of(answer.href, home), name=name, is_writable=_writable(answer))
            )
        return found

    def changes(self, calendar_id: str, window: Period, cursor: str, now: datetime) -> Changes:
        if cursor.startswith(_SYNC):
            return self._changes_since(calendar_id, window, cursor.removeprefix(_SYNC))
        mark = self._mark(calendar_id)
        if cursor and cursor == mark:
            return Changes(events={}, cursor=mark, is_complete=False)
        # The mark is older than what is read now: a change in between comes once more, never not at all.
        return Changes(events=self._events(calendar_id, window), cursor=mark, is_complete=True)

    def busy(self, calendar_ids: Sequence[str], within: Period) -> Sequence[Period]:
        return sorted(
            piece.period
            for calendar_id in calendar_ids
            for spans in self._events(calendar_id, within).values()
            for piece in spans
            if piece.is_busy
        )

    def find_event(self, calendar_id: str, key: UUID) -> WrittenEvent | None:
        with _named_failures():
            response = self._client.request(self._event_url(calendar_id, key), "GET")
        if response.status in {404, 410}:
            return None
        _check(response.status)
        return _written(response.raw, str(response.headers.get("ETag", "")), key)

    def put_event(
        self, calendar_id: str, event: ProviderEvent, known: WrittenEvent | None = None
    ) -> WrittenEvent:
        for _try in range(1 if known else TRIES):
            there = known or self.find_event(calendar_id, event.key)
            condition = {"If-Match": there.etag} if there else {"If-None-Match": "*"}
            with _named_failures():
                response = self._client.request(
                    self._event_url(calendar_id, event.key),
                    "PUT",
                    _as_text(event),
                    {"Content-Type": "text/calendar; charset=utf-8", **condition},
                )
            if response.status not in {409, 412}:
                _check(response.status)
                break
            if known and self.find_event(calendar_id, event.key) is None:
                raise Gone("The event is no longer in the calendar.")
        else:
            raise Conflict("The event was changed in the calendar at the same time.")
        # RFC 4791 5.3.4: a server that stores something else than it was sent gives no ETag.
        written = self.find_event(calendar_id, event.key)
        if written is None:
            raise Gone("The event did not stay in the calendar.")
        return written

    def delete_event(self, calendar_id: str, key: UUID) -> None:
        with _named_failures():
            response = self._client.request(self._event_url(calendar_id, key), "DELETE")
        if response.status not in {404, 410}:
            _check(response.status)

    def watch(self, calendar_id: str, address: str, channel_id: str, secret: str) -> Channel | None:
        return None

    def unwatch(self, channel: Channel) -> None:
        return None

    def revoke(self) -> None:
        return None

    def close(self) -> None:
        self._client.session.close()

    def _home(self) -> str:
        """Where the account's calendars are (RFC 4791 6.2.1), found from the typed address or the well-known one
        (RFC 6764 5). Raises: BadRequest."""
        for start in (self._url, urljoin(self._url, "/.well-known/caldav"), urljoin(self._url, "/")):
            with suppress(Gone, BadRequest, Conflict, NotAllowed):
                start = self._redirected(start)
                principal = self._named(start, "d:current-user-principal") or start
                if home := self._named(principal, "c:calendar-home-set"):
                    return home
        raise BadRequest("The server names no calendars for this account.")

    def _redirected(self, url: str) -> str:
        """Where the server sends this address to, one step; never to another site."""
        with _named_failures():
            response = self._client.request(
                url, "PROPFIND", _declared(_propfind("d:current-user-principal")), {"Depth": "0"}
            )
        if response.status in {301, 302, 307, 308}:
            return urljoin(url, str(response.headers.get("Location", url)))
        return url

    def _named(self, url: str, name: str) -> str:
        """The address in a property of `url`; empty when it has none."""
        for answer in self._multistatus("PROPFIND", url, _propfind(name), depth="0"):
            element = answer.props.get(_tag(name))
            href = element.findtext("d:href", "", NAMES).strip() if element is not None else ""
            if href:
                return str(urljoin(url, href))
        return ""

    def _id_of(self, href: str, base: str) -> str:
        """The path on the account's own host; the whole address elsewhere (iCloud keeps calendars on another host)."""
        url = urljoin(base, href)
        here, there = urlsplit(self._url), urlsplit(url)
        return there.path if (here.scheme, here.netloc) == (there.scheme, there.netloc) else url

    def _address(self, calendar_id: str) -> str:
        url = urljoin(self._url, calendar_id)
        return url if url.endswith("/") else f"{url}/"

    def _event_url(self, calendar_id: str, key: UUID) -> str:
        return f"{self._address(calendar_id)}{uid(key)}.ics"

    def _mark(self, calendar_id: str) -> str:
        """Where the calendar stands: its sync token, or where it has none its ctag (empty without either)."""
        body = _propfind("d:sync-token", "cs:getctag")
        for answer in self._multistatus("PROPFIND", self._address(calendar_id), body, depth="0"):
            if token := answer.text(_tag("d:sync-token")):
                return _SYNC + token
            if ctag := answer.text(_tag("cs:getctag")):
                return _CTAG + ctag
        return ""

    def _events(self, calendar_id: str, window: Period) -> dict[str, Sequence[Piece]]:
        # Whole days and floating times lie elsewhere in other zones.
        wide = window.widened(timedelta(days=1), timedelta(days=1))
        body = (
            f"<c:calendar-query {_XMLNS}><d:prop><d:getetag/><c:calendar-data/></d:prop>"
            '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
            f'<c:time-range start="{_utc(wide.start)}" end="{_utc(wide.end)}"/>'
            "</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
        )
        return dict(self._pieces(calendar_id, body, window))

    def _changes_since(self, calendar_id: str, window: Period, token: str) -> Changes:
        changed: list[str] = []
        events: dict[str, Sequence[Piece]] = {}
        for _round in range(MOST_ROUNDS):
            body = (
                f"<d:sync-collection {_XMLNS}><d:sync-token>{escape(token)}</d:sync-token>"
                "<d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>"
            )
            answers, tree = self._report(calendar_id, body, depth="0", dead_token=True)
            before, token = token, (tree.findtext("d:sync-token", "", NAMES) or "").strip()
            if not token:
                raise CursorDead("The server answered without a new sync token.")
            more = False
            for answer in answers:
                if answer.status == 507:  # RFC 6578 3.6: there is more than fits into one answer.
                    more = token != before
                elif answer.href.rstrip("/") == urlsplit(self._address(calendar_id)).path.rstrip("/"):
                    continue
                elif answer.status == 404:
                    events[answer.href] = ()
                else:
                    changed.append(answer.href)
            if not more:
                break
        else:
            raise CursorDead("The server's list of changes has no end.")
        for first in range(0, len(changed), AT_ONCE):
            part = changed[first : first + AT_ONCE]
            events |= dict.fromkeys(part, ())
            hrefs = "".join(f"<d:href>{escape(href)}</d:href>" for href in part)
            body = (
                f"<c:calendar-multiget {_XMLNS}><d:prop><d:getetag/><c:calendar-data/></d:prop>"
                f"{hrefs}</c:calendar-multiget>"
            )
            events |= dict(self._pieces(calendar_id, body, window))
        return Changes(events=events, cursor=_SYNC + token, is_complete=False)

    def _pieces(self, calendar_id: str, body: str, window: Period) -> Iterator[tuple[str, Sequence[Piece]]]:
        for answer in self._report(calendar_id, body, depth="1")[0]:
            data = answer.text(_tag("c:calendar-data"))
            if data and answer.status < 300:
                etag = answer.text(_tag("d:getetag"))
                spans = pieces(data, window, self._zone, self._addresses, etag)
                yield answer.href, tuple(piece for each in spans.values() for piece in each)

    def _report(
        self, calendar_id: str, body: str, depth: str, *, dead_token: bool = False
    ) -> tuple[list[_Answer], etree._Element]:
        tree = self._tree("REPORT", self._address(calendar_id), body, depth, dead_token=dead_token)
        return list(_answers(tree)), tree

    def _multistatus(self, method: str, url: str, body: str, depth: str) -> list[_Answer]:
        return list(_answers(self._tree(method, url, body, depth)))

    def _tree(
        self, method: str, url: str, body: str, depth: str, *, dead_token: bool = False
    ) -> etree._Element:
        headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        try:
            with _named_failures():
                response = self._client.request(url, method, _declared(body), headers)
        except (NotAllowed, Conflict) as error:
            if dead_token:
                raise CursorDead("The server no longer knows the sync token.") from error
            raise
        if dead_token and response.status in {400, 403, 409, 410, 412}:
            raise CursorDead("The server no longer knows the sync token.")
        _check(response.status)
        if response.status != 207 or not isinstance(response.tree, etree._Element):
            raise ProviderDown("The server's answer is not one of a calendar server.")
        if response.tree.tag != _tag("d:multistatus"):
            raise ProviderDown("The server's answer is not one of a calendar server.")
        return response.tree


class _OneSite(EgressSession):
    """The password goes to the account's own site only: its host, or one of the same domain over TLS."""

    def __init__(self, url: str, within: float | None = None) -> None:
        super().__init__(max_bytes=20_000_000, seconds=30)
        self._home = urlsplit(url)
        self._ends = time.monotonic() + within if within is not None else None

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        to = urlsplit(request.url or "")
        same = (to.scheme, to.netloc) == (self._home.scheme, self._home.netloc)
        domain = ".".join((self._home.hostname or "").split(".")[-2:])
        cousin = (
            to.scheme == "https" and (to.hostname or "").endswith(f".{domain}") and not domain[-1:].isdigit()
        )
        if not same and not cousin:
            raise Refused("the server points to another site")
        if self._ends is not None:
            self.seconds = min(30.0, self._ends - time.monotonic())
            if self.seconds <= 0:
                raise requests.Timeout("the server took too long")
        return super().send(request, **how)


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise BadRequest(f"The address is not asked: {error}.") from error
    except dav.RateLimitError as error:
        seconds = error.retry_after_seconds
        raise RateLimited(
            "The server asks to wait.", None if seconds is None else timedelta(seconds=seconds)
        ) from error
    except dav.AuthorizationError as error:
        if error.status == 403:
            raise NotAllowed("The account may not do this.") from error
        raise AccessRevoked("The server does not accept the password.") from error
    except dav.NotFoundError as error:
        raise Gone("The server has no such calendar.") from error
    except dav.DAVError as error:
        _check(error.status or 500)
        raise ProviderDown("The server's answer is not one of a calendar server.") from error
    except requests.RequestException as error:
        raise ProviderDown(f"The server does not answer ({type(error).__name__}).") from error
    except (etree.XMLSyntaxError, AssertionError) as error:
        raise ProviderDown("The server's answer is not one of a calendar server.") from error


def _check(status: int) -> None:
    """Raises what an answer's status means; nothing for a good one."""
    match status:
        case 401:
            raise AccessRevoked("The server does not accept the password.")
        case 403:
            raise NotAllowed("The account may not do this.")
        case 404 | 410:
            raise Gone("It is not on the server.")
        case 409 | 412:
            raise Conflict("It was changed on the server at the same time.")
        case 429:
            raise RateLimited("The server asks to wait.")
        case _ if status >= 500:
            raise ProviderDown(f"The server answered {status}.")
        case _ if status >= 300:
            raise BadRequest(f"The server answered {status}.")


def _declared(body: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>{body}'


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{NAMES[prefix]}}}{local}"


def _propfind(*names: str) -> str:
    return f"<d:propfind {_XMLNS}><d:prop>{''.join(f'<{name}/>' for name in names)}</d:prop></d:propfind>"


def _answers(tree: etree._Element) -> Iterator[_Answer]:
    for response in tree.findall("d:response", NAMES):
        props: dict[str, etree._Element] = {}
        status = _status(response.findtext("d:status", "", NAMES)) or 200
        for propstat in response.findall("d:propstat", NAMES):
            prop = propstat.find("d:prop", NAMES)
            if _status(propstat.findtext("d:status", "", NAMES)) == 200 and prop is not None:
                props |= {str(child.tag): child for child in prop}
        yield _Answer(href=response.findtext("d:href", "", NAMES).strip(), status=status, props=props)


def _status(line: str) -> int:
    words = line.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _takes_events(answer: _Answer) -> bool:
    components = answer.props.get(_tag("c:supported-calendar-component-set"))
    if components is None or not len(components):
        return True
    return any(component.get("name") == "VEVENT" for component in components)


def _writable(answer: _Answer) -> bool:
    """RFC 3744 5.4; a server that does not say is taken to allow it, and says so when it does not."""
    rights = answer.props.get(_tag("d:current-user-privilege-set"))
    if rights is None:
        return True
    names = {str(right.tag) for privilege in rights for right in privilege}
    return bool(names & {_tag("d:write"), _tag("d:all"), _tag("d:write-content")})


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _as_text(event: ProviderEvent) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//Workestra//Scheduling//EN")
    calendar.add("version", "2.0")
    entry = Event()
    now = datetime.now(UTC)
    entry.add("uid", uid(event.key))
    entry.add("dtstamp", now)
    entry.add("last-modified", now)
    entry.add("dtstart", event.period.start)
    entry.add("dtend", event.period.end)
    entry.add("summary", event.summary)
    if event.description:
        entry.add("description", event.description)
    if event.location:
        entry.add("location", event.location)
    entry.add("transp", "OPAQUE" if event.is_busy else "TRANSPARENT")
    calendar.add_component(entry)
    text: bytes = calendar.to_ical()
    return text


def _written(text: str | bytes, etag: str, key: UUID) -> WrittenEvent:
    try:
        entry: Any = next(iter(Calendar.from_ical(text).walk("VEVENT")))
        start, end = entry["DTSTART"].dt, entry["DTEND"].dt
        period = Period(start, end)
    except (ValueError, KeyError, StopIteration, TypeError) as error:
        raise ProviderDown("The server's answer is not an event.") from error
    return WrittenEvent(
        id=f"{uid(key)}.ics", etag=etag, uid=uid(key), period=period, summary=str(entry.get("SUMMARY", ""))
    )
