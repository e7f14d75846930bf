"""Whatever meets data of others reads the worst mebibyte of it in less than a tenth of a second.

The processor time of this thread is measured: other programs and other threads do not count. Nor do
objects of other tests, which the garbage collector would look through. If the machine is slower
than usual, so is a fixed piece of work, and the time is divided by that.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rota.cli import formatting as cli_words
from rota.cli.commands.checks.check import _WHERE
from rota.config.jsonfile import _TOKEN
from rota.core import secrets
from rota.core.limits import rate_of
from rota.core.outcome import error_text
from rota.diagnosis.run_statistics import _VARYING
from rota.discovery.finder import SourceFile
from rota.discovery.sandbox import _FRAME
from rota.errors import RotaError, nearest
from rota.ledger.postgres.database import redact_url as redacted_by_postgres
from rota.logs.lines import safe
from rota.triggers import parse
from rota.web import access, guard
from rota.web.api.creating import _slug
from rota.web.api.logs import line_cursor
from rota.web.pages import format
from rota.web.pages.parts import ics
from rota.web.pages.screens.run import _PLACE
from rota.web.problems import Problem

MIB = 1 << 20
LIMIT = 0.1
TRIES = 5
"""The best of so many counts: the first may load something, and a busy machine shares caches."""

USUAL = 0.02
"""Seconds in which the machine on which the limit was set adds up the characters of a mebibyte."""

PARTS = (
    *("a", "İ", "-", " ", "\n", "\x1b", "\u202e", "0"),
    *("://", "//", "://a@", "a//b", " a//b@@", "@", ":", '"', '\\"'),
    *("key", ";key", "&a=b", "?key&", "?key=a", ";keykey", "secret_", "-key"),
    *("token=a ", 'password="', "password='x\" ", "'password' : ", "passwor"),
    *(" authorization:a", "Authorization: Bearer ", "rota_01h9z_"),
    *("0,", "1-2,", "* ", "mon-", "1.", "1d", "+00:00"),
    *(
        '  File "',
        '  File "a", line 1',
        '  File "a", line 1, in b\n    ',
        ", line 1",
        "1970-01-01T",
    ),
    *("\x1b[31m", "a=b;", "[::", "127.", "/manager/tasks", "/tokens/", "{", "[", '{"a":', "\\,;"),
)


def _parsed(name: str, key: str) -> Callable[[str], object]:
    return lambda text: parse(name, {key: text})


def _raised(text: str) -> object:
    return error_text(RuntimeError(text)), secrets.redact_text(text[-64_000:])


READERS: dict[str, Callable[[str], object]] = {
    "masking a URL": secrets.redact_url,
    "masking what was said": secrets.redact_text,
    "judging a name": secrets.is_secret,
    "showing a text": lambda text: secrets.redact_value("", text),
    "showing a name": lambda text: secrets.redact_value("", {text: text}),
    "showing many": lambda text: secrets.redact_value("", text.split(text[:1])),
    "masking an address": redacted_by_postgres,
    "a log line": safe,
    "a page": format.neutralise,
    "a log to download": format.visible,
    "a calendar": lambda text: ics.folded(ics.text(text)),
    "an exception": _raised,
    "a rate": rate_of,
    "a crontab": _parsed("cron", "crontab"),
    "a field": _parsed("cron", "day_of_week"),
    "a year": _parsed("cron", "year"),
    "a zone": _parsed("cron", "timezone"),
    "a moment": _parsed("date", "run_date"),
    "an interval": _parsed("interval", "minutes"),
    "an argument's name": lambda text: parse("cron", {text: 1}),
    "a trigger's name": lambda text: parse(text, {}),
    "a span": cli_words.span,
    "a time": lambda text: cli_words.before("--since", text, 0),
    "a pair": lambda text: cli_words.pairs("--arg", [text]),
    "a Host header": guard.host_name,
    "a path": lambda text: access.right_for("POST", text),
    "an open path": access._OPEN.fullmatch,
    "a place in a log": line_cursor,
    "an id of a name": _slug,
    "the nearest word": lambda text: nearest(text, ["timezone", "minutes"] * 50),
    "a traceback": lambda text: list(_PLACE.finditer(text)),
    "a child's traceback": lambda text: list(_FRAME.finditer(text)),
    "a mistake's place": _WHERE.fullmatch,
    "a reason": lambda text: _VARYING.sub("", text[:2_000]),
    "a configuration": lambda text: next(_TOKEN.finditer(text), None),
    "a task file": lambda text: SourceFile(Path("a"), "a", text.encode()).may_define,
}


@pytest.mark.parametrize("reader", READERS)
def test_the_worst_mebibyte_is_read_at_once(reader: str) -> None:
    read = READERS[reader]
    slow = {part: spent for part in PARTS if (spent := _spent(read, _mebibyte(part))) >= LIMIT}
    assert not slow, f"{reader} takes seconds: {slow}"


@cache
def _mebibyte(part: str) -> str:
    return (part * (MIB // len(part) + 1))[:MIB]


@pytest.fixture(autouse=True)
def _without_objects_of_other_tests() -> Iterator[None]:
    gc.freeze()
    yield
    gc.unfreeze()


def _spent(read: Callable[[Any], object], value: Any) -> float:
    """Return the seconds that reading takes, were the machine as quick as it usually is."""
    least = float("inf")
    for _ in range(TRIES):
        took = _processor_time(lambda: read(value))
        least = min(least, took if took < LIMIT else took / max(1.0, _slowness()))
        if least < LIMIT:
            break
    return least


def _slowness() -> float:
    text = _mebibyte("a")
    return _processor_time(lambda: sum(map(ord, text))) / USUAL


def _processor_time(work: Callable[[], object]) -> float:
    began = time.thread_time()
    with suppress(ValueError, OverflowError, RotaError, Problem):
        work()
    return time.thread_time() - began


VALUES: dict[str, Callable[[], object]] = {
    "names": lambda: {f"k{number:06d}&password": "a//b@c" for number in range(60_000)},
    "texts": lambda: ["&a=b;token=aa"] * 80_000,
    "dicts": lambda: [{"password=": "token=a "}] * 60_000,
    "long texts": lambda: ["token=a " * 16_000] * 8,
}


@pytest.mark.parametrize("value", VALUES)
def test_a_mebibyte_of_values_is_shown_at_once(value: str) -> None:
    assert _spent(lambda one: secrets.redact_value("", one), VALUES[value]()) < LIMIT
