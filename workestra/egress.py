"""Requests to addresses that people typed: calendars, feeds. They reach public addresses only.

The host is resolved once, every address it has is judged, and the connection goes to one that was judged, so that a
name cannot change its mind in between (DNS rebinding). No redirect is followed, no proxy of the environment is used,
and time and size are limited.
"""

import ipaddress
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from threading import Timer
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

SECONDS: Final = 10.0
MEGABYTE: Final = 1_000_000


class Refused(requests.ConnectionError):
    """This address is not asked: it is not public, not http(s), or its answer is too long."""


class EgressSession(requests.Session):
    """A session for addresses of people's own. `max_bytes` limits an answer, `seconds` a whole request."""

    def __init__(self, *, max_bytes: int = MEGABYTE, seconds: float = SECONDS) -> None:
        super().__init__()
        self.trust_env = False
        self.max_bytes = max_bytes
        self.seconds = seconds
        self.mount("http://", _PublicOnly())
        self.mount("https://", _PublicOnly())
        self.headers["User-Agent"] = "Workestra"

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """Raises: Refused, requests.RequestException."""
        how |= {"allow_redirects": False, "stream": True, "timeout": self.seconds / 2}
        with _Watch(self.seconds) as watch:
            try:
                response = super().send(request, **how)
                response._content = self._body_of(response)
            except requests.RequestException:
                watch.ensure_in_time()
                raise
            # An answer that was cut may look like one that has ended.
            watch.ensure_in_time()
        return response

    def _body_of(self, response: requests.Response) -> bytes:
        body = bytearray()
        try:
            for chunk in response.iter_content(65_536):
                body += chunk
                if len(body) > self.max_bytes:
                    raise Refused(f"the answer is longer than {self.max_bytes // MEGABYTE} MB")
        finally:
            response.close()
        return bytes(body)


class _Watch:
    """Cuts the connections of a request when its time is over. Timeouts of sockets do not: each byte begins them anew,
    and whoever sends one now and then would keep a worker for days."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._lines: list[socket.socket] = []
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True

    @property
    def left(self) -> float:
        """Seconds that are left, 0 when there are none."""
        return max(0.0, self._ends - time.monotonic())

    def see(self, connected: socket.socket) -> None:
        """The request goes over this socket as well. It is known by a copy: TLS takes the socket itself away."""
        self._lines.append(socket.fromfd(connected.fileno(), connected.family, connected.type))
        if not self.left:
            self._cut()

    def ensure_in_time(self) -> None:
        """Raises: requests.Timeout."""
        if not self.left:
            raise requests.Timeout(f"the answer took longer than {self._seconds:.0f} seconds")

    def _cut(self) -> None:
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._before = _watch.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        _watch.reset(self._before)
        for line in self._lines:
            line.close()


_watch: ContextVar[_Watch] = ContextVar("request under way")


class _PublicOnly(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> Any:
        return super().get_connection_with_tls_context(request, verify, proxies=None, cert=cert)


class _CheckedHTTP(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def request(self, *args: Any, **how: Any) -> None:
        _see_again(self)
        super().request(*args, **how)


class _CheckedHTTPS(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def request(self, *args: Any, **how: Any) -> None:
        _see_again(self)
        super().request(*args, **how)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _CheckedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPS


def _see_again(connection: HTTPConnection) -> None:
    """A connection that is kept was seen by the request that opened it."""
    if connection.sock is not None:
        _watch.get().see(connection.sock)


def _connected(connection: HTTPConnection) -> socket.socket:
    """A socket to one of the host's addresses, all of which are public."""
    host, port = connection.host.strip("[]"), connection.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, f"{host} cannot be found") from error
    addresses = [entry[4] for entry in found]
    if not may_be_private(host, port):
        for address in addresses:
            if not is_public(str(address[0])):
                raise Refused(f"{host} is not a public address")
    last: OSError | None = None
    watch = _watch.get()
    timeout = connection.timeout if isinstance(connection.timeout, float | int) else SECONDS
    for family, kind, protocol, _name, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            # Never 0, which would be: do not wait at all.
            sock.settimeout(max(0.001, min(timeout, watch.left)))
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        else:
            sock.settimeout(timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            watch.see(sock)
            return sock
    raise NewConnectionError(connection, f"{host} does not answer: {last}")


def is_public(address: str) -> bool:
    """Whether the address is on the public internet, also one that wraps an IPv4 address in an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64, RFC 6052.
            wrapped.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(each is not None and not is_public(str(each)) for each in wrapped):
            return False
    return ip.is_global and not ip.is_multicast


def may_be_private(host: str, port: int | None) -> bool:
    """Whether the administrator has named this host, or host and port, in EGRESS_PRIVATE_HOSTS."""
    allowed = {entry.strip().lower() for entry in settings.EGRESS_PRIVATE_HOSTS}
    return host.lower() in allowed or f"{host.lower()}:{port}" in allowed


def is_web_address(address: str) -> bool:
    """Whether it reads as http(s)://host/…, without a user name in it."""
    try:
        parts = urlsplit(address)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.username is None
            and (parts.port or 1) > 0
        )
    except ValueError:
        return False


def parts_of(address: str) -> tuple[str, int | None]:
    """Host and port of an address that `is_web_address`."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
