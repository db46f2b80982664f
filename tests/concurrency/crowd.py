"""People at their browsers who press the button at the same moment, against the real server."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import TypeVar
from urllib.parse import urlencode

T = TypeVar("T")

PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    location: str
    seconds: float


class Person:
    """One browser without scripts: a connection that stays open, and its cookies."""

    def __init__(self, port: int) -> None:
        self._host = f"localhost:{port}"
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._cookies: dict[str, str] = {}

    def get(self, path: str, **query: str) -> Answer:
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, values: Mapping[str, str]) -> Answer:
        return self._ask("POST", path, urlencode(values))

    def like(self, other: "Person") -> "Person":
        """With the cookies of somebody who has the page open already."""
        self._cookies |= other._cookies
        return self

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        headers = {
            "Host": self._host,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
        }
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        seconds = time.perf_counter() - began
        for line in response.headers.get_all("Set-Cookie", []):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return Answer(response.status, text, response.headers.get("Location", ""), seconds)


def together(acts: Sequence[Callable[[], T]]) -> list[T]:
    """What each gives, in order, in a thread of its own; none begins before all are ready."""
    ready = threading.Barrier(len(acts))

    def one(act: Callable[[], T]) -> T:
        ready.wait(timeout=PATIENCE)
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(one, acts))


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of all stay below (0.99: p99)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
