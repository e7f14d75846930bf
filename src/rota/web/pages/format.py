"""Formatting values for the pages; text from tasks and their data is neutralised here."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup, escape

from rota.core.secrets import redact_text
from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant, to_datetime

LONGEST = 20_000
"""The most characters of one value that a page shows."""

_FIXED_SPACE = "\u00a0"  # no line ends at it

_UNSEEN = {
    **dict.fromkeys(
        (
            *(*range(0x80, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)),
            *(*range(0xD800, 0xE000), 0xFEFF),
        ),
        "\ufffd",
    ),
    # the control pictures of Unicode
    **{code: chr(0x2400 + code) for code in (*range(9), *range(0x0B, 0x20))},
    0x7F: "␡",
}


def neutralise(value: Any) -> Any:
    """Return a value in a form that is safe on a page.

    Secrets are redacted, control characters made visible, text directions and unpaired surrogates
    replaced, and the length is limited. The template engine passes every value through here and
    then escapes it; only `secret` bypasses this.
    """
    if isinstance(value, Markup):
        return value
    text = "" if value is None else str(value)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text):,} characters)"
    return visible(redact_text(text))


def secret(text: str) -> Markup:
    """Return a secret that a page has to show: the code of a link, or a new token."""
    return escape(text)


def visible(text: str) -> str:
    """Return a text without control characters, except line feeds and tabs."""
    return text if text.isprintable() else text.translate(_UNSEEN)


def span(duration: Instant) -> str:
    """Return a duration in its two largest units; `rota.js` continues in the same format."""
    seconds = max(duration, 0) / SECOND
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def format_duration(duration: Instant) -> str:
    """Return the duration of something that has ended: as `span`, short ones in milliseconds."""
    return f"{max(duration, 0) // 1000} ms" if duration < 0.995 * SECOND else span(duration)


def distance(instant: Instant, now: Instant) -> str:
    """Return the rough distance of an instant from now: "in 4 min", "2 h ago"."""
    away = abs(instant - now)
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if away >= unit:
            text = f"{away // unit} {name}"
            return f"in {text}" if instant > now else f"{text} ago"
    return "now"


def clock(instant: Instant, now: Instant) -> str:
    """Return an instant in UTC, as short as its distance from now allows.

    A line may end only between the date and the time of day.
    """
    moment, today = to_datetime(instant), to_datetime(now)
    if moment.date() == today.date():
        return f"{moment:%H:%M:%S}"
    day = f"{moment.day}{_FIXED_SPACE}{moment:%b}"
    if moment.year == today.year:
        return f"{day} {moment:%H:%M}"
    return f"{day}{_FIXED_SPACE}{moment.year:04d} {moment:%H:%M}"


def size(count: int) -> str:
    """Return a number of bytes with its unit."""
    if count < 1024:
        return f"{count} B"
    amount, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}"


def as_json(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
