"""YAML from anywhere: small, shallow, without a key twice, and without aliases that multiply."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from augmentor.core.errors import ConfigError

MOST_BYTES = 2**18
MOST_DEPTH = 30
MOST_NODES = 50_000
"""Values in the whole text, each alias counted with all it stands for."""


class _UniqueKeys(yaml.SafeLoader):
    """The safe loader, refusing a key written twice (plain YAML keeps the last in silence)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping whose keys are all different."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise ConfigError(f"line {key_node.start_mark.line + 1}: a key is a single word or number")
            if key in seen:
                raise ConfigError(f"line {key_node.start_mark.line + 1}: the key {key!r} is there twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value of one YAML document.

    Raises:
        ConfigError: if it is not YAML, has a key twice, or is larger, deeper or more multiplied by aliases
            than anything a person writes; the message completes "the file".

    Example:
        >>> load_yaml("a: [1, two]")
        {'a': [1, 'two']}
    """
    if len(text) > MOST_BYTES:
        raise ConfigError(f"it has {len(text):,} characters, and at most {MOST_BYTES:,} are read")
    try:
        _check_shape(text)
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"it is not valid YAML: {' '.join(str(error).split())}") from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # A number of thousands of digits, a date that does not exist, a set of lists.
        said = " ".join(str(error).split())[:160]
        raise ConfigError(f"it holds a value that cannot be read: {said}") from error


def _check_shape(text: str) -> None:
    """Count values and depth over the parser's events, before anything is built.

    An anchor costs what it holds each time an alias repeats it; one that repeats itself is endless.
    """
    weights: dict[str, int] = {}
    open_anchors: list[str | None] = []
    open_weights = [0]
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in open_anchors:
                raise ConfigError(f"line {line}: {event.anchor!r} repeats itself")
            open_weights[-1] += weights.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            open_weights[-1] += 1
            if event.anchor:
                weights[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_anchors.append(event.anchor)
            open_weights.append(1)
            if len(open_anchors) > MOST_DEPTH:
                raise ConfigError(f"line {line}: it is nested more than {MOST_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, weight = open_anchors.pop(), open_weights.pop()
            if anchor:
                weights[anchor] = weight
            open_weights[-1] += weight
        if open_weights[-1] > MOST_NODES:
            raise ConfigError(f"it holds more than {MOST_NODES:,} values, counted with what aliases repeat")
