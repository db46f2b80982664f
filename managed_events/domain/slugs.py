"""Addresses of assigned links, from a template's pattern."""

import re
from typing import Final

from scheduling.domain.slugs import MAX_LENGTH

USERNAME: Final = "{username}"
TEMPLATE: Final = "{template}"

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class BadPattern(ValueError):
    """The pattern makes no addresses; the text says why, for the person who typed it."""


def check_pattern(pattern: str) -> None:
    """Accept a pattern that gives every person an address of his own.

    Raises: BadPattern.
    """
    if USERNAME not in pattern:
        raise BadPattern("Put {username} in, so that every person gets an address of their own.")
    unknown = [found for found in _PLACEHOLDER.findall(pattern) if found not in {USERNAME, TEMPLATE}]
    if unknown:
        raise BadPattern(f"{unknown[0]} is not known here. Use {USERNAME} and {TEMPLATE}.")
    if not _SLUG.fullmatch(_filled(pattern, "name", "template")):
        raise BadPattern("Between them use lowercase letters, digits and single dashes.")


def slug_for(pattern: str, *, username: str, template: str) -> str:
    """The address that the pattern gives this person, cut to the longest one a link may have."""
    return _filled(pattern, username, template)[:MAX_LENGTH].rstrip("-")


def _filled(pattern: str, username: str, template: str) -> str:
    return pattern.replace(USERNAME, username).replace(TEMPLATE, template)
