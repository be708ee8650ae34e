"""Strict YAML: unknown keys are refused with the nearest known one, values are checked."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from augmentor.core.errors import ConfigError
from augmentor.core.renamed import new_name, new_value, why_gone
from augmentor.core.yaml_text import MOST_BYTES, load_yaml


class Spec(BaseModel):
    """Base of everything read from YAML: frozen, unknown keys refused, names like 0 allowed."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


Model = TypeVar("Model", bound=BaseModel)

EXPLAINED = "explained"
"""Type of a fault whose message is a sentence about its field already, from "is" on."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping.

    Raises:
        ConfigError: if the file is missing, unreadable, not YAML, or not a mapping.
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"cannot read {path}: it is no regular file")
        with path.open("rb") as handle:
            # One byte more than is read, so that a larger file is refused and never held.
            text = handle.read(MOST_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    try:
        value = load_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} must hold a mapping of names to values, got {type(value).__name__}")
    return value


def override(values: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return ``values`` with each ``dotted.key=value`` applied; values are read as YAML.

    Raises:
        ConfigError: if an assignment has no ``=``, is not YAML, or leads through a plain value.
    """
    result: dict[str, Any] = _copied(values)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set needs key=value, e.g. --set evaluation.seeds=3, got {assignment!r}")
        try:
            value = load_yaml(text)
        except ConfigError as error:
            raise ConfigError(f"--set {key}: {text[:80]!r} is not a YAML value: {error}") from error
        *parents, last = key.strip().split(".")
        place = result
        for parent in parents:
            below = place.get(parent)
            if below is None:
                below = place[parent] = {}
            if not isinstance(below, dict):
                raise ConfigError(f"--set {key}: {parent!r} holds {below!r}, which has no fields")
            place = below
        place[last] = value
    return result


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``over`` laid on it, mapping by mapping."""
    result = _copied(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, Mapping)
        result[key] = merge(old, value) if both and isinstance(old, dict) else value
    return result


def parse(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Check ``values`` against ``model``.

    Raises:
        ConfigError: one paragraph naming every field at fault, what it got and what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [explain(model, fault) for fault in error.errors(include_url=False)]
        raise ConfigError(f"{where}: " + "; ".join(faults)) from error


def explain(model: type[BaseModel], fault: Mapping[str, Any]) -> str:
    """Return one fault of pydantic's in words: the field, what it got, what is allowed.

    Args:
        model: what the values were checked against.
        fault: as :meth:`pydantic.ValidationError.errors` lists it.
    """
    path = tuple(fault["loc"])
    name = ".".join(str(part) for part in path) or "(the whole)"
    if fault["type"] == EXPLAINED:
        return f"{name!r} {fault['msg']}"
    if fault["type"] == "extra_forbidden":
        if renamed := new_name(name):
            return f"{name!r} is called {renamed!r} now"
        if gone := why_gone(name):
            return f"{name!r} is there no more: {gone}"
        known = known_fields(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "known keys: " + ", ".join(sorted(known))
        return f"unknown key {name!r}; {hint}"
    if renamed := new_value(name, fault["input"]):
        return f"{name!r}: {fault['input']!r} is called {renamed!r} now"
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if fault["type"] == "missing":
        return f"{name!r} is needed and missing"
    if fault["type"] == "string_type" and isinstance(fault["input"], bool | date | None):
        return (
            f"{name!r}: YAML reads this word as {fault['input']!r} (yes, no, on, off, true, false, null and "
            "dates are no texts there); put it in quotes, e.g. 'yes'"
        )
    if fault["type"] == "value_error":
        return f"{name!r}: {message}" if path else message
    return f"{name!r}: {message[:1].lower()}{message[1:]}, got {fault['input']!r}"


def known_fields(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Return the field names of the model found at ``path`` below ``model``."""
    here: type[BaseModel] = model
    for part in path:
        field = here.model_fields.get(str(part))
        if field is None:
            continue
        nested = [kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)]
        if nested:
            here = nested[0]
    return list(here.model_fields)


def _kinds(annotation: Any) -> list[type]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation]
    return [kind for inner in get_args(annotation) for kind in _kinds(inner)]


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in values.items()}
