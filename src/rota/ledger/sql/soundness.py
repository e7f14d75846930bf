"""Damaged rows: they are read all the same, with replacement values, and are reported.

A disk that loses writes, an interrupted restore or a manual change in the database can leave
anything in a column. One such row must stop no node and no page.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from rota.core.ports.records import Damage
from rota.core.time import DAY, Instant
from rota.ledger.sql.json_batch import Row

logger = logging.getLogger("rota.ledger")

LATEST: Instant = 253_402_300_800_000_000 - 2 * DAY
EARLIEST: Instant = -62_135_596_800_000_000 + 2 * DAY
"""The instants that every time zone can write: all but the last and first days of the calendar."""

LARGEST = 2**53
"""A number larger than any count that occurs."""

MOST = 1_000
"""Damages that are kept and logged; beyond that, one more says nothing new."""

_SHAPES = 4_096
"""Patterns of types that are known to be sound, of one form."""

Words = TypeVar("Words", bound=StrEnum)

# --- what a column holds ------------------------------------------------------------------------


class ColumnKind(NamedTuple):
    """What a column may hold, and how it is converted; `read` raises for an invalid value."""

    read: Callable[[Any], Any]
    instead: Any = None
    """The value that is read in place of an invalid one."""
    is_bounded: bool = False
    """Whether it is a number between 0 and LATEST."""
    converts: bool = False
    """Whether `read` changes the value: then sound rows need it as well."""
    optional: bool = False


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_called(value)} instead of a text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**63:
        raise ValueError(f"{_called(value)} instead of a whole number")
    return value


def _count(value: Any) -> int:
    if not 0 <= _whole(value) <= LARGEST:
        raise ValueError(f"an impossible number ({value})")
    return int(value)


def _instant(value: Any) -> Instant:
    if not 0 <= _whole(value) <= LATEST:
        raise ValueError(f"an impossible time ({value})")
    return int(value)


def _moment(value: Any) -> Instant:
    if not EARLIEST <= _whole(value) <= LATEST:
        raise ValueError(f"an impossible time ({value})")
    return int(value)


def _flag(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError(f"{_called(value)} instead of yes or no")
    return bool(value)


def parsed(text: Any) -> Any:
    """Read JSON as this program writes it: without NaN, infinity and half characters; raises
    ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError(f"{_called(text)} instead of JSON")
    try:
        value = _decoded(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ValueError(f"text that is no JSON ({len(text)} characters)") from None
    return value


def _decoded(text: str) -> Any:
    if text[:1] in _OPENING:
        value, end = _JSON.raw_decode(text)
        if end == len(text):  # with nothing around it, as this program writes it
            return value
    return _JSON.decode(text)


def _refused(text: str) -> float:
    raise ValueError(text)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


_JSON = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)
_OPENING = frozenset('{["')


def mapping(text: Any) -> dict[str, Any]:
    """Read JSON that is an object; raises ValueError for anything else."""
    value = parsed(text)
    if not isinstance(value, dict):
        raise ValueError("JSON that is no object")
    return value


def _called(value: Any) -> str:
    return "nothing" if value is None else "a text" if isinstance(value, str) else "a number"


def _nothing(value: Any) -> None:
    if value is not None:
        raise ValueError(f"{_called(value)} instead of nothing")


NOTHING = ColumnKind(_nothing, None, converts=True, optional=True)
TEXT = ColumnKind(_text, "")
COUNT = ColumnKind(_count, 0)
INSTANT = ColumnKind(_instant, 0, is_bounded=True)
MOMENT = ColumnKind(_moment, None)
FLAG = ColumnKind(_flag, False, converts=True)
JSON = ColumnKind(parsed, None, converts=True)
MAPPING = ColumnKind(mapping, None, converts=True)


def words(kinds: type[Words], instead: Words) -> ColumnKind:
    """Return the kind of a column with one of our words."""
    known = {word.value: word for word in kinds}  # calling the class takes ten times as long
    return ColumnKind(known.__getitem__, instead, converts=True)


def maybe(kind: ColumnKind, instead: Any = None) -> ColumnKind:
    """Return the kind of a column that may be empty as well."""

    def read(value: Any) -> Any:
        return None if value is None else kind.read(value)

    return kind._replace(read=read, instead=instead, optional=True)


def unreadable(value: Any) -> str:
    """Return what is shown in place of a value that cannot be read."""
    size = f"{len(value)} characters" if isinstance(value, str) else _called(value)
    return f"(damaged: {size})"


# --- what a row holds ---------------------------------------------------------------------------

Note = Callable[[Damage], None]


class ColumnForm:
    """The columns of rows as they travel, each with its kind.

    Sound rows are recognised quickly: by the types of their values, the range of their times, and a
    conversion without an error. Only the other rows are checked column by column.
    """

    def __init__(
        self, table: str, kinds: Mapping[str, ColumnKind], *, key: Collection[str]
    ) -> None:
        self._table = table
        self.kinds = kinds
        self._key = [list(kinds).index(name) for name in key]
        self._bounded = [n for n, kind in enumerate(kinds.values()) if kind.is_bounded]
        converted = [(n, kind) for n, kind in enumerate(kinds.values()) if kind.converts]
        self._converted = [(n, kind.read) for n, kind in converted if not kind.optional]
        self._converted_if = [(n, kind.read) for n, kind in converted if kind.optional]
        self._shapes: set[tuple[type, ...]] = set()

    def read(self, row: Row, *, note: Note | None = None, of: str = "") -> list[Any]:
        """Return the values of a row, converted. An invalid value is noted under the row's key, or
        under `of`, the key of another row, if the row has no key of its own.
        """
        if (shape := tuple(map(type, row))) in self._shapes:
            try:
                return self._quickly(row)
            except (ValueError, TypeError, KeyError):
                pass
        values: list[Any] = []
        damages: list[Damage] = []
        for (name, kind), value in zip(self.kinds.items(), row, strict=True):
            try:
                values.append(kind.read(value))
            except (ValueError, TypeError, KeyError) as error:
                what = str(error)
                if isinstance(error, KeyError):
                    what = f"no word that is known ({str(value)[:40]!r})"
                damages.append(Damage(self._table, of or self._named(row), name, what))
                instead = kind.instead
                values.append(instead(value) if callable(instead) else instead)
        if not damages and len(self._shapes) < _SHAPES:
            self._shapes.add(shape)
        for damage in damages:
            (note or found.add)(damage)
        return values

    def _quickly(self, row: Row) -> list[Any]:
        values = list(row)
        for index in self._bounded:
            number = values[index]
            if number is not None and not 0 <= number <= LATEST:
                raise ValueError(number)
        for index, read in self._converted:
            values[index] = read(values[index])
        for index, read in self._converted_if:
            if (value := values[index]) is not None:
                values[index] = read(value)
        return values

    def _named(self, row: Row) -> str:
        return " ".join(str(row[index])[:80] for index in self._key)


# --- what was found -----------------------------------------------------------------------------


class DamageLog:
    """The damages that this process has met, each logged once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._damages: dict[tuple[str, str, str], Damage] = {}

    def add(self, damage: Damage) -> None:
        """Note a damage, and log it if it is new."""
        key = damage[:3]
        with self._lock:
            if key in self._damages or len(self._damages) >= MOST:
                return
            self._damages[key] = damage
        logger.error(
            "The ledger is damaged: %s. Everything else continues; `rota doctor` lists it", damage
        )

    def all(self) -> list[Damage]:
        """Return all damages."""
        with self._lock:
            return sorted(self._damages.values())


found = DamageLog()
