"""The parameters of a function: how arguments are bound to it, kept, and rebuilt."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from inspect import Parameter
from types import SimpleNamespace
from typing import Any, NamedTuple, Optional, get_type_hints
from weakref import WeakKeyDictionary

from rota.definitions.arguments.forms import ANYTHING, MOST_BYTES, AnnotationForm, MismatchError
from rota.errors import MOST_LISTED, UnstartableError, nearest

_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_MOST_SHOWN = 300
_MOST_SHAPES = 64  # ways to call one function that are remembered
_ANY = AnnotationForm()
_in_full = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` makes an encoder each time


Call = tuple[Sequence[Any], Mapping[str, Any]]
"""Positional arguments and keyword arguments."""


class ArgumentMismatch(NamedTuple):
    """One thing that is wrong with arguments."""

    name: str  # the parameter, "" for the arguments as a whole
    what: str
    remedy: str = ""


class Parameters:
    """The parameters of one callable."""

    def __init__(self, func: Any) -> None:
        self._func = func if isinstance(func, partial) else None
        self._core = _core(func)
        self.signature = _signature(func)  # None if it cannot be known, as for some built-ins
        self._fitting: set[tuple[int, tuple[str, ...]]] = set()  # how it can be called

    def __str__(self) -> str:
        """Return the function as it is written: `greet(name: str, times: int = 1)`."""
        name = getattr(self._core, "__name__", type(self._core).__name__)
        try:
            text = "(…)" if self.signature is None else str(_bare(self.signature))
        except Exception:  # the representation of a default
            text = f"({', '.join(self.signature.parameters if self.signature else ())})"
        return f"{name}{text if len(text) <= _MOST_SHOWN else f'{text[:_MOST_SHOWN]}…'}"

    def form(self, name: str) -> AnnotationForm:
        """Return how values passed by a name are kept."""
        form = self._named_forms.get(name)
        if form is None:
            rest = self._rest(Parameter.VAR_KEYWORD)
            form = _ANY if rest is None else self._forms[rest.name]
        return form

    def mismatches(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], *, in_part: bool = False
    ) -> list[ArgumentMismatch]:
        """Return every reason why the function cannot be called like that; with `in_part`, others
        are added to these arguments later.
        """
        if self.signature is None:
            return []
        shape = (len(args), tuple(kwargs))  # nothing else decides it
        if shape in self._fitting:
            return []
        found = list(self._binding_error(args, kwargs, in_part=in_part))
        if not found:
            bind = self.signature.bind_partial if in_part else self.signature.bind
            try:
                bind(*args, **kwargs)
            except TypeError as error:
                found.append(ArgumentMismatch("", str(error)))
        is_bounded = len(self._fitting) < _MOST_SHAPES and kwargs.keys() <= self._given.keys()
        if not found and is_bounded and not in_part:
            self._fitting.add(shape)
        return found

    def stored(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], mismatches: list[ArgumentMismatch]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments as JSON; notes each that cannot be kept among the `mismatches`."""

        def kept(name: str, form: AnnotationForm, value: Any) -> Any:
            try:
                return form.stored(value)
            except MismatchError as why:
                shown = "" if form.is_plain else f"does not fit {_shown(form.annotation)}: "
                mismatches.append(
                    ArgumentMismatch(name, f"{shown}{why}", _plain_remedy(name, form))
                )
                return None

        if not args and not kwargs:
            return (), {}
        placed = tuple(
            kept(name, form, value)
            for value, (name, form) in zip(args, self._places(len(args)), strict=True)
        )
        named = {name: kept(name, self.form(name), value) for name, value in kwargs.items()}
        if not mismatches and (placed or named):
            mismatches += _oversize([placed, named])
        return placed, named

    def rebuilt(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return new arguments rebuilt from JSON; raises UnstartableError if they do not fit."""
        mismatches = self.mismatches(args, kwargs)
        placed, named = [], {}
        for value, (name, form) in zip(args, self._places(len(args)), strict=True):
            placed.append(_made(name, form, value, mismatches))
        for name, value in kwargs.items():
            named[name] = _made(name, self.form(name), value, mismatches)
        if mismatches:
            raise UnstartableError(
                f"{self} cannot be called with the arguments of this run:"
                f" {'; '.join(_sentence(one) for one in mismatches)}.",
                remedy="The code is another one than when they were handed in, or no node that"
                " knows it took them. Run it again with arguments that fit.",
            )
        return placed, named

    def takes(self, name: str) -> bool:
        """Return whether a value can be passed by this name."""
        one = self._given.get(name)
        by_name = one is not None and one.kind in _BY_NAME
        return by_name or self.signature is None or self._rest(Parameter.VAR_KEYWORD) is not None

    def defaults(self) -> dict[str, Any]:
        """Return the default values by the names of their parameters."""
        return {
            one.name: one.default
            for one in self._given.values()
            if one.default is not Parameter.empty
        }

    def named(self, args: Sequence[Any]) -> dict[str, Any]:
        """Return positional arguments by the names of their parameters, as far as they have one."""
        placed = (one.name for one in self._given.values() if one.kind in _BY_PLACE)
        return dict(zip(placed, args, strict=False))

    def by_name(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a call, by name as far as that is possible: what is left of
        `args` is of parameters that take no name, and all before them."""
        placed = [one for one in self._given.values() if one.kind in _BY_PLACE]
        only = sum(one.kind is Parameter.POSITIONAL_ONLY for one in placed)
        if self.signature is None or (args and (only or len(args) > len(placed))):
            return list(args), dict(kwargs)
        named = {one.name: value for one, value in zip(placed, args, strict=False)}
        if named.keys() & kwargs.keys():  # said by `mismatches`
            return list(args), dict(kwargs)
        return [], {**named, **kwargs}

    def completed(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], own: Call
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return a call with `own` arguments for the parameters that it leaves out."""
        own_args, own_kwargs = own
        if not args and not own_args:
            return own_args, {**own_kwargs, **kwargs} if own_kwargs else kwargs
        placed = [one for one in self._given.values() if one.kind in _BY_PLACE]
        behind = placed[len(args) : len(own_args)]
        by_name = {one.name for one in behind if one.kind in _BY_NAME}.intersection(kwargs)
        if not args and not by_name:
            return own_args, {**own_kwargs, **kwargs}
        given = [
            kwargs[one.name] if one.name in by_name else value
            for one, value in zip(behind, own_args[len(args) :], strict=False)
        ]
        rest = own_args[len(placed) :] if len(args) <= len(placed) else ()
        taken = by_name.union(one.name for one in placed[: len(args)])
        left = {name: value for name, value in own_kwargs.items() if name not in taken}
        named = {name: value for name, value in kwargs.items() if name not in by_name}
        return [*args, *given, *rest], {**left, **named}

    def passed_by_name(self, args: Sequence[Any]) -> list[tuple[Parameter, AnnotationForm]]:
        """Return the parameters that can still be passed by name in addition to `args`, each with
        its form.
        """
        return [
            (one, self._forms[one.name])
            for one in list(self._given.values())[len(args) :]
            if one.kind in _BY_NAME
        ]

    def explained(self, name: str) -> str:
        """Return how to fix an argument of a name: which parameter is the nearest."""
        known = [one for one in self._given.values() if one.kind in _BY_NAME]
        return nearest(name, [one.name for one in known])

    @cached_property
    def returned(self) -> AnnotationForm:
        """Return how what the function returns is kept."""
        if self.signature is None:
            return _ANY
        return AnnotationForm(self._resolved(self.signature.return_annotation))

    @property
    def _given(self) -> Mapping[str, Parameter]:
        return self.signature.parameters if self.signature is not None else {}

    @cached_property
    def _forms(self) -> Mapping[str, AnnotationForm]:
        return {name: AnnotationForm(self._annotation(one)) for name, one in self._given.items()}

    @cached_property
    def _named_forms(self) -> Mapping[str, AnnotationForm]:
        given = self._given.values()
        return {one.name: self._forms[one.name] for one in given if one.kind in _BY_NAME}

    def _rest(self, kind: Any) -> Parameter | None:
        return next((one for one in self._given.values() if one.kind is kind), None)

    def _places(self, count: int) -> Iterator[tuple[str, AnnotationForm]]:
        """Yield the name and the form of each positional argument."""
        placed = [one for one in self._given.values() if one.kind in _BY_PLACE]
        rest = self._rest(Parameter.VAR_POSITIONAL)
        for number in range(count):
            one = placed[number] if number < len(placed) else rest
            yield (str(number), _ANY) if one is None else (one.name, self._forms[one.name])

    def _binding_error(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], *, in_part: bool
    ) -> Iterator[ArgumentMismatch]:
        given = self._given
        placed = [one.name for one in given.values() if one.kind in _BY_PLACE]
        taken = set(placed[: len(args)])
        if len(args) > len(placed) and self._rest(Parameter.VAR_POSITIONAL) is None:
            yield ArgumentMismatch("", "too many positional arguments")
        unknown = 0
        for name in kwargs:
            one = given.get(name)
            if one is not None and one.kind in _BY_NAME:
                if name in taken:
                    yield ArgumentMismatch(name, f"multiple values for argument {name!r}")
            elif self._rest(Parameter.VAR_KEYWORD) is None:
                if one is not None and one.kind is Parameter.POSITIONAL_ONLY:
                    what = f"{name!r} is positional only and was passed by name"
                    yield ArgumentMismatch(name, what, "Give it in the task's own args.")
                else:
                    unknown += 1  # searching the nearest name of each would take too long
                    what = f"got an unexpected keyword argument {name[:_MOST_SHOWN]!r}"
                    hint = self.explained(name) if unknown <= MOST_LISTED else ""
                    yield ArgumentMismatch(name, what, hint)
        for name, one in given.items() if not in_part else ():
            needed = one.default is Parameter.empty and one.kind in (*_BY_PLACE, *_BY_NAME)
            by_name = name in kwargs and one.kind in _BY_NAME
            if needed and not by_name and name not in taken:
                yield ArgumentMismatch(name, f"missing a required argument: {name!r}")

    def _annotation(self, parameter: Parameter) -> Any:
        found = self._resolved(parameter.annotation)
        if parameter.default is None and not any(found is one for one in ANYTHING):
            return Optional[found] if _is_type(found) else found  # noqa: UP045
        return found

    def _resolved(self, annotation: Any) -> Any:
        """Return an annotation without forward references; `empty` if that cannot be done."""
        if annotation is Parameter.empty or annotation is None or isinstance(annotation, type):
            return annotation
        called = self._core if inspect.isroutine(self._core) else type(self._core).__call__
        try:
            function = inspect.unwrap(getattr(called, "__func__", called))
            closure = inspect.getclosurevars(function).nonlocals
        except Exception:  # not made of Python, or it wraps itself
            function, closure = called, {}
        holder = SimpleNamespace(__annotations__={"it": annotation})
        try:
            there = dict(getattr(function, "__globals__", {}))
            return get_type_hints(holder, there, dict(closure), include_extras=True)["it"]
        except Exception:  # a name of `if TYPE_CHECKING`, or no type at all
            return Parameter.empty


_known: WeakKeyDictionary[Any, Parameters] = WeakKeyDictionary()


def parameters_of(func: Any) -> Parameters:
    """Return the parameters of a callable, found out once."""
    try:
        found = _known.get(func)
        if found is None:
            found = _known[func] = Parameters(func)
        return found
    except Exception:  # it has no hash, or cannot be referred to weakly
        return Parameters(func)


def _core(func: Any) -> Any:
    while isinstance(func, partial):
        func = func.func
    return func


def _signature(func: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(func)
    except Exception:  # for some built-ins it is not known, and a user's own may raise anything
        return None


class _Bare(str):
    """An annotation that is a text, shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _bare(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(
        parameters=[
            one.replace(annotation=_Bare(one.annotation)) if type(one.annotation) is str else one
            for one in signature.parameters.values()
        ],
        return_annotation=inspect.Signature.empty,
    )


def _made(name: str, form: AnnotationForm, value: Any, mismatches: list[ArgumentMismatch]) -> Any:
    try:
        return form.rebuilt(value)
    except MismatchError as why:
        mismatches.append(ArgumentMismatch(name, f"does not fit {_shown(form.annotation)}: {why}"))
        return None


def _plain_remedy(name: str, form: AnnotationForm) -> str:
    """Return how to keep values that are not JSON; "" if the annotation allows that already."""
    if not form.is_plain:
        return ""
    if any(form.annotation is one for one in ANYTHING):
        return f"Annotate {name!r}: only JSON is kept of what has no annotation."
    return (
        f"Of {_shown(form.annotation)} only JSON is kept: annotate {name!r} as a dataclass, a"
        " TypedDict or a pydantic model."
    )


def _sentence(mismatch: ArgumentMismatch) -> str:
    return (
        mismatch.what
        if repr(mismatch.name) in mismatch.what
        else f"{mismatch.name} {mismatch.what}"
    )


def _oversize(arguments: Any) -> Iterator[ArgumentMismatch]:
    try:
        size = len(_in_full(arguments).encode())
    except ValueError:  # a number of more digits than Python writes
        yield ArgumentMismatch("", "a number has more digits than JSON can hold")
        return
    if size > MOST_BYTES:
        what = f"they take {size:,} bytes as JSON, and {MOST_BYTES:,} are the most"
        yield ArgumentMismatch("", what, "Pass the place of the data: a path, a key.")


def _shown(annotation: Any) -> str:
    try:
        return inspect.formatannotation(annotation)[:100]
    except Exception:
        return "its annotation"


def _is_type(annotation: Any) -> bool:
    try:
        Optional[annotation]  # noqa: UP045
    except TypeError:
        return False
    return True
