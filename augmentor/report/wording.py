"""A report speaks of images; one on series or volumes says so wherever the words are our own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from types import ModuleType, SimpleNamespace
from typing import Any

import jinja2
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from augmentor.core.kinds import IMAGE, SERIES, VOLUME, Kind

KINDS = {kind.name: kind for kind in (SERIES, IMAGE, VOLUME)}
# Not inside a quotation, a path, an address or a setting's name: those are the user's words.
_NOUNS = re.compile(
    r"(?<![\w'\"`./=-])(an |An )?(image|picture|pixel)(s?)(?![\w'\"`/=]|\.\w|:\w)", re.IGNORECASE
)
OWN_WORDS = frozenset({"title", "dataset", "classes", "recipe", "command", "versions", "digests", "skipped"})
"""Entries of a summary that hold the user's own words, or none."""


def say(text: str, kind: Kind) -> str:
    """Return ``text``, which speaks of images, pictures and pixels, in the words of this kind.

    Words in quotation marks, paths and ``key=value`` settings stay as they are.
    """

    def noun(found: re.Match[str]) -> str:
        article, word, many = found.groups(default="")
        noun = kind.cell if word.lower() == "pixel" else kind.name
        if many:
            noun = kind.plural if noun == kind.name else f"{noun}s"
        if word[0].isupper():
            noun = noun.capitalize()
        # "image" takes "an", and every noun that stands in for it takes "a".
        return f"{article[:1]} {noun}" if article else noun

    return text if kind == IMAGE else _NOUNS.sub(noun, text)


def kind_in(summary: Mapping[str, Any]) -> Kind:
    """Return the kind of sample that a summary is about; images where it does not say."""
    return next((kind for name, kind in KINDS.items() if name == summary.get("kind")), IMAGE)


def spoken(summary: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """Return ``summary`` with its sentences in the words of ``kind``; the user's words stay."""
    keep = {str(name) for name in summary.get("classes", ())}
    return {
        name: value if name in OWN_WORDS else reworded(value, kind, keep) for name, value in summary.items()
    }


def vocabulary_of(module: ModuleType, kind: Kind) -> ModuleType | SimpleNamespace:
    """Return the tables and functions of the vocabulary in the words of ``kind``."""
    if kind == IMAGE:
        return module
    public = {name: getattr(module, name) for name in vars(module) if not name.startswith("_")}
    return SimpleNamespace(
        **{
            name: _speaking(value, kind) if callable(value) else reworded(value, kind)
            for name, value in public.items()
        }
    )


def reworded(value: Any, kind: Kind, keep: Collection[str] = ()) -> Any:  # noqa: ANN401 - any nested value
    """Return ``value`` with every text in it in the words of ``kind``.

    Goes through lists, tuples, the values (not the keys) of mappings, and dataclasses.

    Args:
        value: anything.
        kind: whose words to use.
        keep: texts that stay as they are: names that a user gave.
    """
    if kind == IMAGE:
        return value
    if isinstance(value, str):
        return value if value in keep else say(value, kind)
    if isinstance(value, Mapping):
        return {key: reworded(one, kind, keep) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(reworded(one, kind, keep) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        told = {
            item.name: reworded(getattr(value, item.name), kind, keep) for item in fields(value) if item.init
        }
        return replace(value, **told)
    return value


def _speaking(function: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
    def speak(*words: Any) -> Any:  # noqa: ANN401 - as the function
        return reworded(function(*words), kind)

    return function if isinstance(function, type) else speak


class TemplateWords(Extension):
    """Puts the text of templates, not what is filled in, into the words of ``environment.kind``."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Yield the tokens with the text between the tags reworded, and prose handed to macros."""
        kind: Kind = getattr(self.environment, "kind", IMAGE)
        for token in stream:
            # A string of one word may be a key; one of several words is read by people.
            prose = token.type == "data" or (token.type == "string" and " " in token.value)
            yield Token(token.lineno, token.type, say(token.value, kind)) if prose else token


def speaking(environment: jinja2.Environment, kind: Kind) -> jinja2.Environment:
    """Return ``environment`` that reads its templates in the words of ``kind``."""
    environment.extend(kind=kind)
    environment.add_extension(TemplateWords)
    return environment
