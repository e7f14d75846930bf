"""What is typed and what is written: times, spans, pairs, control characters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rota.cli import formatting, output
from rota.core import time_text
from rota.core.time import DAY, HOUR, MINUTE, SECOND, to_iso
from rota.errors import ConfigError, Mistakes

NOW = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90 * SECOND),
        ("30m", 30 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        ("3d", 3 * DAY),
        ("1w", 7 * DAY),
    ],
)
def test_spans_count_from_now(text: str, length: int) -> None:
    assert formatting.before("--since", text, NOW) == NOW - length
    assert formatting.ahead("--until", text, NOW) == NOW + length


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-12-24", "2026-12-24T00:00:00Z"),
        ("2026-12-24 08:00", "2026-12-24T08:00:00Z"),
        ("2026-12-24T08:00+01:00", "2026-12-24T07:00:00Z"),
        ("2026-12-24T08:00:00Z", "2026-12-24T08:00:00Z"),
    ],
)
def test_times_without_a_zone_are_utc(text: str, meant: str) -> None:
    assert to_iso(formatting.before("--since", text, NOW)) == meant


@pytest.mark.parametrize(
    "text", ["", "soon", "2h!", "-2h", "2026-13-01", "h", "1e9d", "٣h", "9" * 99]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(formatting.UsageError, match="is not a time"):
        formatting.before("--since", text, NOW)


def test_spans_beyond_the_calendar() -> None:
    assert formatting.before("--since", "999999w", NOW) == 0
    with pytest.raises(formatting.UsageError, match="too long"):
        formatting.ahead("--until", "999999w", NOW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k=1", 1),
        ("k=true", True),
        ('k=["a"]', ["a"]),
        ("k=text", "text"),
        ("k=", ""),
        ("k=a=b", "a=b"),
        ("k=NaN", "NaN"),
        ("k=007", "007"),
        ("k=" + "[" * 100_000, "[" * 100_000),
    ],
)
def test_values_are_json_or_text(text: str, value: Any) -> None:
    assert formatting.pairs("--arg", [text]) == {"k": value}


@pytest.mark.parametrize("texts", [["k"], ["=v"], ["k=1", "k=2"]])
def test_pairs_that_cannot_be_meant(texts: list[str]) -> None:
    with pytest.raises(formatting.UsageError):
        formatting.pairs("--arg", texts)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0021, "2 ms"),
        (4.21, "4.2 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (7200, "2 h"),
        (9 * 3600 + 17 * 60 + 1, "9 h 17 min"),
        (2 * 86400 + 4 * 3600, "2 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert time_text.duration(seconds) == text


def test_times_are_shown_with_their_zone() -> None:
    assert time_text.moment(NOW) == "2023-11-14 22:13:20 UTC"
    assert time_text.moment(NOW, "Europe/Berlin") == "2023-11-14 23:13:20 CET"
    assert time_text.away(NOW + HOUR, NOW) == "in 1 h"
    assert time_text.away(NOW - HOUR, NOW) == "1 h ago"


def test_nothing_that_is_shown_steers_the_terminal() -> None:
    evil = "\x1b]0;title\x07\r\x9b2J\x7f\u202egnp\u2028"
    shown = output.neutralise(evil)
    assert shown == r"\x1b]0;title\x07\x0d\x9b2J\x7f" + "\\u202egnp\\u2028"
    assert output.neutralise("a\nb\tc") == "a\\x0ab\tc"
    assert output.neutralise("a\nb", lines=True) == "a\nb"


def test_a_table_in_a_pipe_is_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "state"), [("x" * 300, "failed"), ("[red]y", "a\nb")])
    assert capsys.readouterr().out.splitlines() == [
        f"{'ID':<300}  STATE",
        f"{'x' * 300}  failed",
        f"{'[red]y':<300}  a\\x0ab",
    ]


def test_every_error_of_a_request_is_answered_with_its_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = ConfigError("no such key.", where="config.json, line 3", remedy="Did you mean 'x'?")
    output.complain(Mistakes([one, ConfigError("wrong.")]))
    assert capsys.readouterr().err == (
        "error: config.json, line 3: no such key.\n       Did you mean 'x'?\nerror: wrong.\n"
    )


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output.json_lines([{"a": "\x1b\u2028"}, {"a": None}])
    out = capsys.readouterr().out
    assert out.isascii()
    assert [json.loads(line) for line in out.split("\n")[:-1]] == [{"a": "\x1b\u2028"}, {"a": None}]
