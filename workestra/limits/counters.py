"""Counting within windows: in Redis, and in the database while Redis is away.

A window begins with the first hit and ends by the clock of whoever counts, so that all processes of an installation
agree. Each counter ends by itself: Redis forgets it, the sweeper deletes its row. What one has counted the other does
not know: when Redis goes away, everybody may do once more what the limits allow.
"""

import logging
import os
import threading
import time
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import connection
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

TIMEOUT: Final = 0.04
"""Seconds. Whoever would wait longer for Redis asks the database, which is sure to be there."""
PAUSE: Final = 2.0
"""Seconds between two looks whether Redis is back."""
PREFIX: Final = "limit:"

Tally = tuple[int, int]
"""How often, and for how many more seconds the window lasts."""


class Counters(Protocol):
    """One place to count in."""

    def hit(self, key: str, seconds: int) -> Tally:
        """Count once more in the key's window, which begins now and lasts `seconds` if none is open."""

    def read(self, key: str) -> Tally:
        """The key's tally; (0, 0) when no window is open."""

    def take_back(self, key: str) -> None:
        """Count once less. A window that is over stays over."""


class InRedis:
    # One step each, so that no key is left without an end when its window closes in between.
    _HIT: Final = """
        local hits = redis.call('incr', KEYS[1])
        if hits == 1 then redis.call('expire', KEYS[1], ARGV[1]) end
        return {hits, redis.call('ttl', KEYS[1])}
    """
    _TAKE_BACK: Final = (
        "if redis.call('exists', KEYS[1]) == 1 then return redis.call('decr', KEYS[1]) end return 0"
    )

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            for_redis(url),
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )

    def ping(self) -> None:
        self._redis.ping()

    def hit(self, key: str, seconds: int) -> Tally:
        hits, left = self._redis.eval(self._HIT, 1, PREFIX + key, seconds)
        return int(hits), max(int(left), 1)

    def read(self, key: str) -> Tally:
        steps = self._redis.pipeline(transaction=True)
        steps.get(PREFIX + key)
        steps.ttl(PREFIX + key)
        hits, left = steps.execute()
        return (int(hits), max(int(left), 1)) if hits is not None else (0, 0)

    def take_back(self, key: str) -> None:
        self._redis.eval(self._TAKE_BACK, 1, PREFIX + key)


class InDatabase:
    _HIT: Final = """
        INSERT INTO limits_counters AS c (key, hits, ends_at)
        VALUES (%(key)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s))
        ON CONFLICT (key) DO UPDATE SET
            hits = CASE WHEN c.ends_at <= clock_timestamp() THEN 1 ELSE c.hits + 1 END,
            ends_at = CASE WHEN c.ends_at <= clock_timestamp() THEN excluded.ends_at ELSE c.ends_at END
        RETURNING hits, ceil(extract(epoch FROM ends_at - clock_timestamp()))
    """
    _READ: Final = """
        SELECT hits, ceil(extract(epoch FROM ends_at - clock_timestamp())) FROM limits_counters
        WHERE key = %(key)s AND ends_at > clock_timestamp()
    """
    _TAKE_BACK: Final = """
        UPDATE limits_counters SET hits = hits - 1
        WHERE key = %(key)s AND hits > 0 AND ends_at > clock_timestamp()
    """

    def hit(self, key: str, seconds: int) -> Tally:
        row = _row(self._HIT, key=key, seconds=seconds)
        assert row is not None, "an INSERT with RETURNING returns its row"
        return row

    def read(self, key: str) -> Tally:
        return _row(self._READ, key=key) or (0, 0)

    def take_back(self, key: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(self._TAKE_BACK, {"key": key})


class WithFallback:
    """Redis, or the database from the first failure until Redis answers again.

    Only those who are counting when Redis goes away wait for it, and TIMEOUT at most: a thread of its own looks
    whether it is back.
    """

    def __init__(self, redis: InRedis, database: Counters) -> None:
        self._redis, self._database = redis, database
        self._lock = threading.Lock()
        self.is_away = False

    def hit(self, key: str, seconds: int) -> Tally:
        if not self.is_away:
            try:
                return self._redis.hit(key, seconds)
            except (RedisError, OSError) as error:
                self._went_away(error)
        return self._database.hit(key, seconds)

    def read(self, key: str) -> Tally:
        if not self.is_away:
            try:
                return self._redis.read(key)
            except (RedisError, OSError) as error:
                self._went_away(error)
        return self._database.read(key)

    def take_back(self, key: str) -> None:
        if not self.is_away:
            try:
                return self._redis.take_back(key)
            except (RedisError, OSError) as error:
                self._went_away(error)
        return self._database.take_back(key)

    def _went_away(self, error: Exception) -> None:
        with self._lock:
            if self.is_away:
                return
            self.is_away = True
        logger.warning("Redis does not answer (%s): limits are counted in the database.", error)
        threading.Thread(target=self._look_for_it, name="limits", daemon=True).start()

    def _look_for_it(self) -> None:
        while True:
            time.sleep(PAUSE)
            try:
                self._redis.ping()
            except (RedisError, OSError):
                continue
            self.is_away = False
            logger.warning("Redis answers again: limits are counted there.")
            return


def counters() -> Counters:
    """Where this installation counts: in the database alone when REDIS_URL is empty."""
    return _counters(settings.REDIS_URL)


@cache
def _counters(url: str) -> Counters:
    database = InDatabase()
    return WithFallback(InRedis(url), database) if url else database


# The thread that looks for Redis stays behind in the parent.
os.register_at_fork(after_in_child=_counters.cache_clear)


def for_redis(url: str) -> str:
    """The broker's address as the redis package writes it: kombu has a scheme of its own for unix sockets."""
    parts = urlsplit(url)
    if parts.scheme != "redis+socket":
        return url
    number = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"unix://{parts.path}?db={number}"


def _row(sql: str, **values: Any) -> Tally | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    return (int(row[0]), max(int(row[1]), 1)) if row else None
