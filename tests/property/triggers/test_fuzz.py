"""Whatever stands in a trigger is either understood or refused, in time, with a TriggerError."""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import process_time
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rota.errors import TriggerError
from rota.triggers import describe, parse

ARGUMENTS = {
    "cron": (
        *("year", "month", "day", "week", "day_of_week", "hour", "minute", "second", "crontab"),
        *("start_date", "end_date", "timezone", "jitter"),
    ),
    "interval": (
        *("weeks", "days", "hours", "minutes", "seconds"),
        *("start_date", "end_date", "timezone", "jitter"),
    ),
    "date": ("run_date", "timezone"),
}
ENOUGH = 1.0  # seconds of processor time; the promise is 0.1, a slow machine may need more
SETTINGS = settings(max_examples=300, deadline=None)

characters = st.characters(codec=None, exclude_categories=())
alike = st.text("0123456789*/-,.:+ \t@#?LWTZabcdefijlmnoprstuvwy１²", max_size=20)
texts = st.one_of(st.text(characters, max_size=30), alike)
huge = st.sampled_from([30, 308, 5_000]).map(lambda digits: 10**digits)
numbers = st.one_of(st.integers(), st.floats(), huge, huge.map(lambda number: -number))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts, st.binary(max_size=10))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
kinds = st.sampled_from(sorted(ARGUMENTS))


def answer(trigger: Any, args: Any, **options: Any) -> None:
    start = process_time()
    try:
        rule = parse(trigger, args, **options)
        rule.next_after(0)
        rule.last_before(1 << 60)
        describe(trigger, args, timezone=options.get("timezone", "UTC"))
    except TriggerError as error:
        assert len(str(error)) < 5_000
        json.dumps(str(error)).encode()
        str(error).encode()
        assert isinstance(error.field, str)
    assert process_time() - start < ENOUGH


@SETTINGS
@given(data=st.data(), kind=kinds)
def test_any_value_in_any_argument(data: st.DataObject, kind: str) -> None:
    names = st.one_of(st.sampled_from(ARGUMENTS[kind]), st.sampled_from(ARGUMENTS[kind]), texts)
    answer(kind, data.draw(st.dictionaries(names, values, min_size=1, max_size=4)))


@SETTINGS
@given(text=st.lists(alike, min_size=4, max_size=6).map(" ".join))
def test_any_crontab(text: str) -> None:
    answer("cron", {"crontab": text})


@given(trigger=values, args=values, timezone=values, dst=values)
@example(trigger="cron", args={1: 2}, timezone=None, dst="adjust")
@example(trigger="cron", args={"hour": 1, None: 2}, timezone="UTC", dst="adjust")
def test_any_trigger_arguments_are_accepted_or_refused_in_words(
    trigger: Any, args: Any, timezone: Any, dst: Any
) -> None:
    answer(trigger, args, timezone=timezone, dst=dst)
    answer("cron", args, timezone=timezone)
    answer("cron", {"hour": 1}, timezone=timezone, dst=dst)


LONG = (
    *("0" * 10_000, "9" * 10_000, "0," * 5_000, "*/1," * 2_500, "*" * 10_000, "/" * 10_000),
    *("-" * 10_000, " " * 10_000, "a" * 10_000, "1-" * 5_000, "\0" * 10_000, "\ud800" * 10_000),
    *("é" * 10_000, "* " * 5_000, "A/" * 5_000, "../" * 3_000, "2020-" * 2_000, "L" * 10_000),
    *("mon-" * 2_500, "@" * 10_000, "\n" * 10_000, "１" * 10_000, "last " * 2_000),
    *("*/1," * 249, "*/2,*/3," * 124, "1970-9999," * 99, "1-1," * 249, "1st mon," * 120),
)


def test_long_texts_everywhere() -> None:
    for kind, names in ARGUMENTS.items():
        for name in names:
            for text in LONG:
                answer(kind, {name: text})
                answer(kind, {name: text.rstrip(",")})
                answer(kind, {text: 1})
    for text in LONG:
        answer(text, {})
        answer("cron", {"hour": 1}, timezone=text)
        answer("cron", {"hour": 1}, dst=text)


def test_a_mapping_that_is_no_dict() -> None:
    class Odd(Mapping[str, object]):
        def __getitem__(self, key: str) -> object:
            return {"hour": 9}[key]

        def __iter__(self) -> Any:
            return iter(["hour"])

        def __len__(self) -> int:
            return 1

    assert parse("cron", Odd()).next_after(0) == 9 * 3600 * 10**6
