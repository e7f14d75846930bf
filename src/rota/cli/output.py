"""Writing lines, JSON lines, tables and errors; Rich is used only on a terminal.

In a pipe, a table is plain text and never cut to a width, so that `grep` and `awk` find
everything. `| head` ends the program without an error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rota.core.secrets import redact_text, redact_value
from rota.errors import Mistakes, RotaError

_STYLES = {
    "succeeded": "green",
    "healthy": "green",
    "ok": "green",
    "equal": "green",
    "note": "blue",
    "running": "cyan",
    "queued": "blue",
    "scheduled": "blue",
    "failed": "bold red",
    "broken": "bold red",
    "lost": "bold red",
    "down": "bold red",
    "bad": "bold red",
    "different": "bold red",
    "degraded": "yellow",
    "warn": "yellow",
    "missed": "yellow",
    "skipped": "yellow",
    "cancelled": "yellow",
    "paused": "yellow",
    "disabled": "dim",
    "finished": "dim",
    "unresolved": "dim",
}

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F)]
_ESCAPES = {code: f"\\x{code:02x}" for code in _CONTROLS if code < 0x100}
_ESCAPES |= {code: f"\\u{code:04x}" for code in (*_CONTROLS, *range(0x2066, 0x206A)) if code > 255}
del _ESCAPES[ord("\t")]
_KEEPING_LINES = {code: text for code, text in _ESCAPES.items() if code != ord("\n")}


def prepare() -> None:
    """Configure the standard streams: escape characters that their encoding cannot write.

    A closed stream is replaced by one to nowhere.
    """
    sys.stdout = sys.stdout or _nobody()
    sys.stderr = sys.stderr or _nobody()
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def neutralise(text: str, *, lines: bool = False) -> str:
    """Return `text` with its control characters escaped, so that it cannot control the terminal.

    With `lines`, line ends are kept. Secrets are masked.
    """
    return redact_text(text).translate(_KEEPING_LINES if lines else _ESCAPES)


def style(word: str) -> str:
    """Return the Rich style of a state."""
    return _STYLES.get(word, "")


def say(text: str = "") -> None:
    """Write a line of rota's own text, which needs no escaping."""
    write(f"{text}\n")


def write(text: str) -> None:
    """Write to standard output; exits if its reader is gone."""
    with _reader_may_leave():
        sys.stdout.write(text)


def flush() -> None:
    """Flush standard output; exits if its reader is gone."""
    with _reader_may_leave():
        sys.stdout.flush()


def note(text: str) -> None:
    """Write a line to standard error, separate from the output."""
    print(text, file=sys.stderr, flush=True)


def json_line(value: Mapping[str, Any], *, raw: bool = False) -> None:
    """Write one JSON object as a line, with secrets masked; `raw`: the caller has done that."""
    json_lines([value], raw=raw)


def json_lines(values: Iterable[Mapping[str, Any]], *, raw: bool = False) -> None:
    """Write one JSON object per line, all of them at once."""
    write("".join([json.dumps(one if raw else redact_value("", one)) + "\n" for one in values]))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table; control characters are escaped, and states coloured on a terminal."""
    cells = [[neutralise(cell) for cell in row] for row in rows]
    if on_terminal():
        _rich_table(columns, cells)
    else:
        write("".join(_plain_table(columns, cells)))


def marked(word: str, text: str) -> None:
    """Write an indented line after a state, which is coloured on a terminal."""
    mark = f"  {word:<4}"
    if on_terminal():
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(f"{mark}  ", style(word)).append(neutralise(text), "default"))
    else:
        say(f"{mark}  {neutralise(text)}")


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Write names and values, one pair per line; empty values are left out."""
    filled = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in filled), default=0)
    for name, value in filled:
        text = neutralise(value, lines=True).replace("\n", "\n" + " " * (width + 2))
        say(f"{name:<{width}}  {text}")


def complain(error: RotaError) -> None:
    """Write an error to standard error: place and error in one line, the remedy below."""
    for one in error.errors if isinstance(error, Mistakes) else (error,):
        note(f"error: {sentence(one)}")


def sentence(error: RotaError) -> str:
    """Return an error as text: place and error, and the remedy on a line of its own."""
    where = f"{error.where}: " if error.where else ""
    remedy = f"\n       {error.remedy}" if error.remedy else ""
    return neutralise(f"{where}{error.what}{remedy}", lines=True)


def on_terminal() -> bool:
    """Return whether standard output is a terminal that supports more than plain text."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _plain_table(columns: Sequence[str], rows: list[list[str]]) -> Iterator[str]:
    every = [[name.upper() for name in columns], *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(columns))]
    for row in every:
        padded = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip() + "\n"


def _rich_table(columns: Sequence[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    whole = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        whole.add_column(name, overflow="fold")
    for row in rows:
        whole.add_row(*(Text(cell, style(cell)) for cell in row))
    Console().print(whole)


def _nobody() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # The buffered rest has no reader: without this the interpreter reports an error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(0) from None
        note(f"error: standard output cannot be written ({error.strerror}).")
        raise SystemExit(2) from None
