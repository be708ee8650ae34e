"""The declaration of a synthesizer: the fields of one method, from a mapping that names it or a family.

Torch-free, so that recipes are read quickly.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import SerializeAsAny, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from augmentor.core.errors import ConfigError
from augmentor.core.renamed import new_name, new_value
from augmentor.core.spec import EXPLAINED, explain, known_fields
from augmentor.synthesizers.families import DEFAULT_FAMILY, FAMILIES, usual_family
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.methods import METHODS

SECTION = "synthesizer"
"""The recipe's section that holds the fields."""


def _by_method(values: Any, _: ValidatorFunctionWrapHandler) -> MethodSpec:  # noqa: ANN401 - whatever is there
    """Return the fields of the method that ``values`` name, by itself or by a family of it."""
    if isinstance(values, MethodSpec):
        return values
    if not isinstance(values, Mapping):
        raise ValueError(f"needs a mapping of fields, e.g. {{family: {DEFAULT_FAMILY}}}, got {values!r}")
    method, family = _names(values)
    spec = METHODS[method].spec
    unknown = [name for name in values if name not in spec.model_fields]
    if unknown:
        faults = [_unknown(str(name), values[name], method, spec) for name in unknown]
        raise ValidationError.from_exception_data(SECTION, faults)
    preset = {} if family is None else dict(FAMILIES[family].fields)
    if values.get("per_class"):
        preset["conditioning"] = "none"
    try:
        return spec.model_validate({**preset, **values, "method": method, "family": family})
    except ValidationError as error:
        faults = [_placed(spec, fault) for fault in error.errors()]
        raise ValidationError.from_exception_data(SECTION, faults) from error


SynthesizerSpec: TypeAlias = Annotated[SerializeAsAny[MethodSpec], WrapValidator(_by_method)]
"""The fields of one method: a union discriminated by ``method``, open to every method in the table.

A mapping names a family, a method, both or neither (the family residual). The family's values are used for
fields that are not given. A field that the method does not have is refused, with the methods that have it.
"""

_ADAPTER: TypeAdapter[MethodSpec] = TypeAdapter(SynthesizerSpec)


def read_synthesizer(values: Mapping[str, Any] | MethodSpec, where: str = SECTION) -> MethodSpec:
    """Return the checked fields of the method that ``values`` name, by itself or by a family of it.

    Args:
        values: fields of a synthesizer, as a recipe has them.
        where: what they are called in an error.

    Raises:
        ConfigError: one paragraph naming every field at fault, what it got and what is allowed.

    Example:
        >>> read_synthesizer({"family": "cvae"}).method
        'variational'
        >>> read_synthesizer({"method": "flow", "steps": 20}).family
        'flow'
    """
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        faults = [explain(MethodSpec, fault) for fault in error.errors(include_url=False)]
        raise ConfigError(f"{where}: " + "; ".join(faults)) from error


def differing(spec: MethodSpec) -> dict[str, Any]:
    """Return the fields, as JSON, that the family (or the method) alone would set otherwise.

    Example:
        >>> differing(read_synthesizer({"family": "projection", "mode_seeking": 0.3}))
        {'mode_seeking': 0.3}
    """
    usual = read_synthesizer(named(spec)).model_dump(mode="json")
    return {key: value for key, value in spec.model_dump(mode="json").items() if value != usual[key]}


def named(spec: MethodSpec) -> dict[str, Any]:
    """Return the family of ``spec`` as a recipe names it, or the method where there is none."""
    return {"method": spec.method} if spec.family is None else {"family": spec.family}


def _names(values: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return method and family of ``values``, each from the other where one is not given."""
    method, family = values.get("method"), values.get("family")
    faults = []
    if method is not None and method not in METHODS:
        faults.append(_not_in("method", method, list(METHODS)))
    if family is not None and family not in FAMILIES:
        faults.append(_not_in("family", family, list(FAMILIES)))
    if faults:
        raise ValidationError.from_exception_data(SECTION, faults)
    if family is None and method is None:
        family = DEFAULT_FAMILY
    if family is None:
        return str(method), usual_family(str(method))
    found = FAMILIES[family].method
    if method not in {None, found}:
        raise ValueError(
            f"family {family!r} is of method {found!r}, got method {method!r}; leave one of the two out"
        )
    return found, str(family)


def _not_in(field: str, value: object, allowed: list[str]) -> InitErrorDetails:
    renamed = new_value(f"{SECTION}.{field}", value)
    near = difflib.get_close_matches(str(value), allowed, n=1)
    hint = f"did you mean {near[0]!r}? It" if near else "it"
    text = (
        f"is {value!r}, which is called {renamed!r} now"
        if renamed
        else f"is {value!r}, and there is no such {field}; {hint} can be {', '.join(allowed)}"
    )
    return InitErrorDetails(type=PydanticCustomError(EXPLAINED, text), loc=(field,), input=value)


def _unknown(name: str, value: object, method: str, spec: type[MethodSpec]) -> InitErrorDetails:
    """Return why ``name`` is no field of ``method``."""
    owners = [other for other, found in METHODS.items() if name in found.spec.model_fields]
    known = [field for field in spec.model_fields if field not in {"method", "family"}]
    near = difflib.get_close_matches(name, [*known, "family", "method"], n=1, cutoff=0.5)
    if renamed := new_name(f"{SECTION}.{name}"):
        text = f"is called {renamed!r} now"
    elif owners:
        text = (
            f"is a field of method {' and '.join(map(repr, owners))}, and this is method {method!r}, which "
            f"has {', '.join(known)}; leave it out, or choose a family of the other method"
        )
    elif near:
        text = f"is unknown; did you mean {near[0]!r}?"
    else:
        text = f"is unknown; method {method!r} has {', '.join(known)}"
    return InitErrorDetails(type=PydanticCustomError(EXPLAINED, text), loc=(name,), input=value)


def _placed(spec: type[MethodSpec], fault: ErrorDetails) -> InitErrorDetails:
    """Return a fault of a method's fields, with the names that are known at its place."""
    kind, text = fault["type"], fault["msg"]
    if kind == "extra_forbidden":
        kind, text = EXPLAINED, f"is unknown; there are {', '.join(known_fields(spec, fault['loc'][:-1]))}"
    return InitErrorDetails(type=PydanticCustomError(kind, text), loc=fault["loc"], input=fault["input"])
