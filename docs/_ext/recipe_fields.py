"""What the pages say of recipes, read from the package, so that it is never older than the code.

The directive `recipe-fields` shows every field of the recipe: types and bounds from the pydantic models,
meanings from the ``Attributes`` of their docstrings, and defaults from a recipe that says nothing but its
name. A field without a meaning stops the build. `recipe-budgets` shows what the budgets stand for,
`arm-presets` the arms that have a name, `renamed-words` what words of older recipes are called now, and
`card-fields` the fields of a dataset card.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from augmentor.core.renamed import RENAMED
from augmentor.data.cards import Card
from augmentor.experiment.arm_words import describe
from augmentor.experiment.arms import PRESETS
from augmentor.run.budget import BUDGETS
from augmentor.run.recipe import Recipe, recipe_from_values
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.methods import METHODS

PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null"}
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


@dataclass(frozen=True)
class Section:
    """One model inside the recipe.

    Attributes:
        path: dotted key that leads to it; empty for the recipe itself.
        model: its class.
        value: what it is where a recipe says nothing; None where that is not this model.
        choice: which of several models stands at this path, e.g. "method: adversarial"; else empty.
    """

    path: str
    model: type[BaseModel]
    value: BaseModel | None
    choice: str = ""

    @property
    def title(self) -> str:
        """The heading of its table."""
        plain = f"`{self.path}`" if self.path else "The recipe"
        return f"{plain}, {self.choice}" if self.choice else plain


def sections(model: type[BaseModel] = Recipe, path: str = "", choice: str = "") -> Iterator[Section]:
    """Yield the recipe's models, each before those inside it."""
    said = recipe_from_values({"name": "my-recipe"})
    yield from _walk(Section(path, model, said, choice), set())


def _walk(section: Section, shown: set[tuple[type[BaseModel], str]]) -> Iterator[Section]:
    yield section
    for name, field in section.model.model_fields.items():
        path = f"{section.path}.{name}".lstrip(".")
        listed = list(_models(field.annotation, listed=True))
        inner = listed or list(_models(field.annotation))
        value = getattr(section.value, name, None)
        # What stands in lists, such as an arm, can stand in many places: its table is there once. So is that
        # of a section that several methods have.
        for model in [one for one in inner if not shown & {(one, ""), (one, path)}]:
            shown.add((model, "" if listed else path))
            choice = _choice(model, field) if listed or len(inner) > 1 else ""
            yield from _walk(Section(path, model, value if type(value) is model else None, choice), shown)


def _choice(model: type[BaseModel], field: FieldInfo) -> str:
    by = field.discriminator if isinstance(field.discriminator, str) else None
    by = "method" if issubclass(model, MethodSpec) else by
    if by is None:
        return model.__name__
    return f"{by}: {' or '.join(map(str, typing.get_args(model.model_fields[by].annotation)))}"


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a model and its bases say of each field."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base.__doc__:
            found |= _attributes(inspect.cleandoc(base.__doc__))
    described = {name: field.description for name, field in model.model_fields.items() if field.description}
    return found | described


def _attributes(text: str) -> dict[str, str]:
    _, there, rest = text.partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in rest.splitlines() if there else []:
        if line and not line.startswith(" "):
            break
        begin = re.match(r"    (\w+): (.*)", line)
        if begin:
            name = begin[1]
            found[name] = begin[2]
        elif name:
            found[name] += " " + line.strip()
    return {name: " ".join(meaning.split()) for name, meaning in found.items()}


def _models(annotation: Any, listed: bool = False) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    """Yield the models of a field; with ``listed`` those that it is a list of."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if listed:
        yield from _models(typing.Union[inner]) if origin in {tuple, list} else ()  # noqa: UP007 - made at run time
    elif annotation is MethodSpec:
        # A union that is open to new methods.
        yield from (method.spec for method in METHODS.values())
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif origin in {typing.Union, types.UnionType, typing.Annotated}:
        for one in inner:
            yield from _models(one)


def kind_of(annotation: Any, bounds: tuple[Any, ...] = ()) -> str:  # noqa: ANN401 - any annotation
    """Return a type in words, with its bounds."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return kind_of(inner[0], (*bounds, *inner[1:]))
    if type(None) in inner and len(inner) > 1:
        # The bounds are those of what is not null.
        rest = [one for one in inner if one is not type(None)]
        return f"{kind_of(typing.Union[tuple(rest)], bounds)} or null"  # noqa: UP007 - made at run time
    limits = [f"{SIGNS[key]} {value}" for bound in bounds for key, value in _limits(bound)]
    if origin is typing.Literal:
        words = ", ".join(f"`{value}`" for value in inner)
    elif origin in {typing.Union, types.UnionType}:
        words = " or ".join(dict.fromkeys(kind_of(one) for one in inner))
    elif origin is dict or origin is Mapping or getattr(origin, "__name__", "") == "Mapping":
        words = f"mapping of {kind_of(inner[0])} to {kind_of(inner[1])}"
    elif inner and origin in {tuple, list}:
        each = [kind_of(one).replace("section", "preset or fields") for one in inner if one is not Ellipsis]
        words = f"list of {each[0]}" if Ellipsis in inner or origin is list else f"[{', '.join(each)}]"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        words = "section"
    else:
        words = PLAIN.get(annotation, getattr(annotation, "__name__", str(annotation)))
    return f"{words} {', '.join(limits)}".strip()


def _limits(bound: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any annotation
    for part in getattr(bound, "metadata", [bound]):
        for key in SIGNS:
            if getattr(part, key, None) is not None:
                yield key, getattr(part, key)


def _default(section: Section, name: str, field: FieldInfo) -> str:
    if section.value is not None and not field.is_required():
        value = getattr(section.value, name)
    elif field.is_required():
        return "needed"
    else:
        value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "`null`"
    plain = section.value.model_dump(mode="json")[name] if section.value is not None else value
    return f"`{_yaml(plain)}`"


def _yaml(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_yaml(one)}' for key, one in value.items())}}}"
    return "null" if value is None else f"{value}" if value != "" else '""'


def _markdown(text: str) -> str:
    text = re.sub(r":\w+:`~?([^`]+)`", lambda found: f"`{found[1].rpartition('.')[2]}`", text)
    # What Python calls None is null in YAML.
    return re.sub(r"\bNone\b", "`null`", text.replace("``", "`").replace("|", "\\|"))


def table(section: Section) -> str:
    """Return the heading and the table of a section, in Markdown."""
    level = "#" * (2 + section.path.count(".") + bool(section.path))
    lines = [f"{level} {section.title}", ""]
    if section.path:
        lines += [_markdown(_summary(section.model)), ""]
    return "\n".join([*lines, fields(section)])


def fields(section: Section) -> str:
    """Return the table of a section's fields, in Markdown.

    Raises:
        ExtensionError: if a field has no meaning in any docstring.
    """
    known = meanings(section.model)
    lines = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in section.model.model_fields.items():
        if not known.get(name):
            raise ExtensionError(f"{section.model.__qualname__}.{name} has no meaning in its docstring")
        kind = kind_of(field.annotation, tuple(field.metadata)).replace("|", "\\|")
        lines.append(f"| `{name}` | {kind} | {_default(section, name, field)} | {_markdown(known[name])} |")
    return "\n".join([*lines, ""])


def _summary(model: type[BaseModel]) -> str:
    return " ".join(inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].split())


def all_fields() -> str:
    """Return the tables of all sections."""
    return "\n".join(table(section) for section in sections())


def card_fields() -> str:
    """Return the table of a dataset card's fields."""
    return fields(Section("", Card, None))


def budgets() -> str:
    """Return the table of what each budget sets, in Markdown."""
    plain = recipe_from_values({"name": "my-recipe"}).model_dump(mode="json")
    rows: dict[str, dict[str, str]] = {}
    for budget, parts in BUDGETS.items():
        for name, values in parts.items():
            for key, value in values.items() if isinstance(values, Mapping) else [("", values)]:
                place = f"{name}.{key}".rstrip(".")
                usual = plain[name][key] if key else plain[name]
                rows.setdefault(place, dict.fromkeys(BUDGETS, f"`{_yaml(usual)}`"))[budget] = (
                    f"`{_yaml(value)}`"
                )
    lines = [f"| field | {' | '.join(BUDGETS)} |", "|" + "---|" * (1 + len(BUDGETS))]
    lines += [f"| `{place}` | {' | '.join(row[name] for name in BUDGETS)} |" for place, row in rows.items()]
    return "\n".join(lines)


def renamed() -> str:
    """Return the table of renamed words, in Markdown."""
    lines = ["| in older recipes | now |", "|---|---|"]
    lines += [f"| `{_shown(old)}` | `{_shown(new)}` |" for old, new in RENAMED.items()]
    return "\n".join(lines)


def _shown(word: str) -> str:
    return word.replace("=", ": ", 1)


def presets() -> str:
    """Return the table of the arms that have a name, in Markdown."""
    lines = ["| preset | fields | is |", "|---|---|---|"]
    for name, arm in PRESETS.items():
        fields = arm.model_dump(mode="json", exclude_defaults=True)
        lines.append(f"| `{name}` | `{_yaml(fields)}` | {describe(arm)} |")
    return "\n".join(lines)


def directive(text: Callable[[], str]) -> type[SphinxDirective]:
    """Return a directive that stands for Markdown made at build time."""

    class Made(SphinxDirective):
        """Put the text in the directive's place."""

        def run(self) -> list[nodes.Node]:
            """Return the text's nodes."""
            return self.parse_text_to_nodes(text(), allow_section_headings=True)

    return Made


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directives known to Sphinx."""
    app.add_directive("recipe-fields", directive(all_fields))
    app.add_directive("card-fields", directive(card_fields))
    app.add_directive("recipe-budgets", directive(budgets))
    app.add_directive("arm-presets", directive(presets))
    app.add_directive("renamed-words", directive(renamed))
    return {"parallel_read_safe": True}
