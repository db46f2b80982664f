"""Google's description of its calendar API, which comes with its library: what is sent and answered is held to it."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache


@cache
def document() -> dict[str, Any]:
    path = Path(googleapiclient.discovery_cache.__file__).parent / "documents" / "calendar.v3.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@cache
def methods() -> tuple[tuple[str, re.Pattern[str], dict[str, Any]], ...]:
    """Every method as (HTTP method, its path, its description)."""

    def walk(resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for resource in resources.values():
            yield from resource.get("methods", {}).values()
            yield from walk(resource.get("resources", {}))

    return tuple(
        (
            each["httpMethod"],
            re.compile("/" + document()["servicePath"] + re.sub(r"\{[^}]+\}", "[^/]+", each["path"])),
            each,
        )
        for each in walk(document()["resources"])
    )


def method_of(http_method: str, path: str) -> dict[str, Any]:
    found = [each for verb, pattern, each in methods() if verb == http_method and pattern.fullmatch(path)]
    assert found, f"Google has no {http_method} {path}"
    # "events/watch" is also an event called watch; the longer path without a parameter there is meant.
    return min(found, key=lambda each: each["path"].count("{"))


def check_request(http_method: str, path: str, query: Mapping[str, str], body: Any) -> None:
    """AssertionError for a parameter or a property that Google does not know, or of another type."""
    method = method_of(http_method, path)
    known = method.get("parameters", {}) | document()["parameters"]
    for name, value in query.items():
        assert name in known, f"{method['id']} has no parameter {name}"
        _check(
            {key: each for key, each in known[name].items() if key != "required"},
            _typed(known[name], value),
            name,
        )
    if "request" in method:
        _check(method["request"], body, method["id"])
    else:
        assert not body, f"{method['id']} takes no body"


def check_answer(http_method: str, path: str, body: Any) -> None:
    method = method_of(http_method, path)
    if "response" in method:
        _check(method["response"], body, method["id"])
    else:
        assert not body, f"{method['id']} answers nothing"


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    match schema["type"]:
        case "boolean":
            assert text in {"true", "false"}
            return text == "true"
        case "integer":
            return int(text)
    return text


def _check(schema: Mapping[str, Any], value: Any, where: str) -> None:
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    match schema.get("type"):
        case "object":
            assert isinstance(value, dict), where
            known = schema.get("properties", {})
            other = schema.get("additionalProperties")
            for name, each in value.items():
                assert name in known or other, f"{where} has no {name}"
                _check(known.get(name) or other, each, f"{where}.{name}")
        case "array":
            assert isinstance(value, list), where
            for each in value:
                _check(schema["items"], each, f"{where}[]")
        case "string":
            assert isinstance(value, str), where
            assert value in schema.get("enum", [value]), f"{where} cannot be {value}"
            match schema.get("format"):
                case "date-time":
                    assert datetime.fromisoformat(value).tzinfo, where
                case "date":
                    date.fromisoformat(value)
                case "int64" | "uint64":
                    int(value)
        case "boolean":
            assert isinstance(value, bool), where
        case "integer":
            assert type(value) is int, where
