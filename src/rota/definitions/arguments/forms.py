"""One annotation: which values fit it, how they are written as JSON, and how they are rebuilt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, time
from decimal import Decimal
from functools import cached_property
from inspect import Parameter
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from rota.definitions.arguments.plain import NotPlain, plain

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

MOST_BYTES = 1024 * 1024
"""Bytes of JSON that the arguments of a run may take together."""

ANYTHING = (Parameter.empty, Any, object)
"""Annotations that say nothing."""

_MADE_OF_JSON: Mapping[Any, Callable[[Any], Any]] = {
    str: lambda value: value if type(value) is str else _NO,
    int: lambda value: value if type(value) is int else _NO,
    bool: lambda value: value if type(value) is bool else _NO,
    float: lambda value: float(value) if type(value) in (float, int) else _NO,
}
"""What needs no pydantic, which takes a worker process a while to import."""

_NO: Any = object()
_MOST_SAID = 5


class MismatchError(Exception):
    """Why a value does not fit its annotation, as the rest of a sentence."""


class AnnotationForm:
    """How the values of one parameter are kept."""

    def __init__(self, annotation: Any = Parameter.empty) -> None:
        self.annotation = annotation

    @property
    def is_plain(self) -> bool:
        """Return whether it takes JSON as it is: it has no annotation, or none of use."""
        return self._adapter is None

    def stored(self, value: Any) -> Any:
        """Return a value as JSON; raises MismatchError for what the annotation does not allow, and
        for what would not come back equal."""
        try:
            if self._is_exact(value) or self._adapter is None:
                return plain(value)
            return self._kept(self._fit(value))
        except NotPlain as why:
            raise MismatchError(f"it {why}") from None

    def _is_exact(self, value: Any) -> bool:
        """Return whether a value is of a type that is annotated and that JSON has: pydantic would
        change nothing."""
        return type(value) is self.annotation and self.annotation in _MADE_OF_JSON

    def _kept(self, fit: Any) -> Any:
        """Return the JSON from which an equal value can be rebuilt: by the names of a model's
        fields, or by their aliases if the model takes no other; raises MismatchError, NotPlain.
        """
        unfit = MismatchError()
        for by_alias in (False, True):
            text = plain(self._dumped(fit, round_trip=True, by_alias=by_alias))
            try:
                back = self.rebuilt(text)
            except MismatchError as why:
                unfit = why
                continue
            if _alike(back, fit):
                return text
            unfit = MismatchError(
                f"it would not come back as it is: of this {type(fit).__name__} JSON makes"
                f" a {type(back).__name__} that is not equal"
            )
        raise unfit

    def rebuilt(self, stored: Any) -> Any:
        """Return a new value rebuilt from JSON; raises MismatchError."""
        make = _MADE_OF_JSON.get(self.annotation) if _is_hashable(self.annotation) else None
        if make is not None and (made := make(stored)) is not _NO:
            return made
        if self._adapter is None:
            return _fresh(stored)
        return _first(self._adapter.validate_json, json.dumps([stored]))

    def read(self, text: str) -> Any:
        """Return a user's text as JSON: as a JSON text if its value fits, else the text as it is;
        raises MismatchError if neither fits.
        """
        try:
            if self.annotation is Decimal:  # whose digits a number of JSON loses
                return self.stored(text)
            value = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError):
            return self.stored(text)
        try:
            return self.stored(value)
        except MismatchError as why:
            try:
                return self.stored(text)
            except MismatchError:
                raise why from None

    def dumped(self, value: Any) -> Any:
        """Return a value as JSON could hold it, whether it fits the annotation or not; raises
        whatever the value's own code raises.
        """
        return value if self._adapter is None else self._dumped(value)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any] | None:
        if any(self.annotation is one for one in ANYTHING):
            return None
        from pydantic import ConfigDict, TypeAdapter

        # Within a list, the settings hold for dataclasses as well.
        settings = ConfigDict(
            ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants"
        )
        try:
            return TypeAdapter(list[_eager(self.annotation)], config=settings)  # type: ignore[arg-type, misc]
        except Exception:  # not a type, a class that pydantic knows nothing of, a broken one
            return None

    def _fit(self, value: Any) -> Any:
        """Return what the annotation makes of a value: the value itself if it is of the right type,
        else what JSON would become, else what Python values may become.
        """
        adapter = self._adapter
        assert adapter is not None
        try:
            return _first(lambda given: adapter.validate_python(given, strict=True), [value])
        except MismatchError:
            pass
        try:
            text = json.dumps([plain(value)])
        except (NotPlain, ValueError):
            return _first(adapter.validate_python, [value])
        return _first(adapter.validate_json, text)

    def _dumped(self, value: Any, **how: Any) -> Any:
        assert self._adapter is not None
        try:
            return self._adapter.dump_python([value], mode="json", warnings=False, **how)[0]
        except Exception as error:
            raise NotPlain(f"has no JSON form ({_one_line(error)})") from error


def _no_number(constant: str) -> Any:
    raise ValueError(constant)


def _first(validate: Callable[[Any], Any], given: Any) -> Any:
    from pydantic import ValidationError

    try:
        return validate(given)[0]
    except ValidationError as error:
        raise MismatchError(_said(error)) from None
    except Exception as error:  # of a validator of the user's own
        raise MismatchError(f"it cannot be checked ({_one_line(error)})") from error


def _said(error: ValidationError) -> str:
    """Return what is wrong, without the value, which may be a secret."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [
        f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" if one["loc"][1:] else one["msg"]
        for one in found[:_MOST_SAID]
    ]
    more = f" and {len(found) - _MOST_SAID} more" if len(found) > _MOST_SAID else ""
    return f"{'; '.join(lines)}{more}"[:1000]


def _one_line(error: Exception) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def _fresh(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _fresh(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fresh(inner) for inner in value]
    return value


def _eager(annotation: Any) -> Any:
    """Return a list in place of an Iterable: pydantic makes an iterator of it that checks nothing
    until it is consumed, and that can be consumed only once.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if Iterable in (annotation, origin):
        return list[args[0]] if args else list  # type: ignore[valid-type]
    if origin in (Union, UnionType):
        return Union[tuple(_eager(one) for one in args)]  # noqa: UP007
    if origin is Annotated:
        return Annotated[(_eager(args[0]), *args[1:])]
    return annotation


def _is_hashable(annotation: Any) -> bool:
    return isinstance(annotation, type)


def _alike(one: Any, other: Any) -> bool:
    """Return whether two values are equal. If their class does not define that, they are compared
    by their contents; times are compared by what they show.
    """
    try:
        if one is other or bool(one == other):
            return True
    except Exception:
        return False
    if type(one) is not type(other) and {type(one), type(other)} != {list, tuple}:
        return False  # a tuple is a list in JSON, and either is a sequence
    match one:
        case list() | tuple():
            return len(one) == len(other) and all(map(_alike, one, other))
        case dict():
            return set(one) == set(other) and all(_alike(one[key], other[key]) for key in one)
        case datetime() | time():  # of the hour that a clock change repeats none equals another
            return bool(one.isoformat() == other.isoformat())
    if is_dataclass(one):
        return all(
            _alike(getattr(one, field.name, None), getattr(other, field.name, None))
            for field in fields(one)
        )
    mine = getattr(one, "__dict__", None)
    return bool(isinstance(mine, dict) and _alike(mine, other.__dict__))
