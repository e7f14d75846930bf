"""Finding differences between two JSON values: two results, or the arguments of two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in both values, and the value of each there, as a list of one value or none."""

    place: str
    this: list[Any]
    other: list[Any]


def differences(this: Any, other: Any, place: str = "") -> Iterator[Difference]:
    """Yield the differences in the order of keys and items."""
    return _differences([this], [other], place)


def _differences(this: list[Any], other: list[Any], place: str) -> Iterator[Difference]:
    match this, other:
        case [Mapping() as mine], [Mapping() as theirs]:
            for key in [*mine, *(key for key in theirs if key not in mine)]:
                yield from _differences(
                    _there(mine, key), _there(theirs, key), f"{place}.{key}" if place else str(key)
                )
        case [list() as mine], [list() as theirs]:
            for index in range(max(len(mine), len(theirs))):
                one, another = mine[index : index + 1], theirs[index : index + 1]
                yield from _differences(one, another, f"{place}[{index}]")
        case _ if this != other or list(map(type, this)) != list(map(type, other)):
            yield Difference(place, this, other)


def _there(values: Mapping[str, Any], key: str) -> list[Any]:
    return [values[key]] if key in values else []
