"""Secrets of connected accounts in the database: encrypted under keys of their own, opened only where they are used."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class BrokenSecret(Exception):
    """None of `CALENDAR_KEYS` opens it: its key was dropped, or the text was changed."""


class Secret:
    """A JSON object under lock. It prints as nothing, and is read with `open`.

    As text it is `<key id>.<Fernet token>` (AES-128-CBC and HMAC-SHA256); the id says which key it needs.
    """

    __slots__ = ("sealed",)

    def __init__(self, sealed: str) -> None:
        self.sealed = sealed

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Seal it under the first key."""
        key = _keys()[0]
        return cls(f"{_id_of(key)}.{Fernet(key).encrypt(json.dumps(dict(content)).encode()).decode()}")

    def open(self) -> dict[str, Any]:
        """Raises BrokenSecret."""
        try:
            content: dict[str, Any] = json.loads(_fernet().decrypt(self._token.encode()))
        except InvalidToken as error:
            raise BrokenSecret(f"no key opens it; it was sealed under {self.key_id}") from error
        return content

    def resealed(self) -> "Secret":
        """The same content under the first key. Raises BrokenSecret."""
        return Secret.of(self.open())

    @property
    def key_id(self) -> str:
        return self.sealed.partition(".")[0]

    @property
    def is_current(self) -> bool:
        """Whether it is under the first key, so that the others could be dropped."""
        return self.key_id == _id_of(_keys()[0])

    @property
    def _token(self) -> str:
        return self.sealed.partition(".")[2]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.sealed == self.sealed

    def __hash__(self) -> int:
        return hash(self.sealed)

    def __repr__(self) -> str:
        return "Secret(…)"


if TYPE_CHECKING:
    _TextField = models.TextField[Secret, Secret]
else:
    _TextField = models.TextField


class SecretField(_TextField):
    """A column with a `Secret`."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Secret | None:
        return None if value is None else Secret(value)

    def to_python(self, value: Any) -> Secret | None:
        return Secret(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        return value.sealed if isinstance(value, Secret) else value

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))


def _keys() -> Sequence[str]:
    keys: Sequence[str] = settings.CALENDAR_KEYS
    if not keys:
        raise ImproperlyConfigured("CALENDAR_KEYS is empty: see docs/running.md.")
    return keys


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _keys()])


def _id_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]
