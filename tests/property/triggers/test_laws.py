"""What holds for every trigger, whatever it says."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rota.core.time import DAY, SECOND, Instant
from rota.errors import TriggerError
from rota.triggers import Trigger, between, count_between, describe, parse, start_delay
from rota.triggers.kinds.cron import CronTrigger
from tests.property.triggers.reference import Rule
from tests.property.triggers.strategies import ZONES, rules

SETTINGS = settings(max_examples=200, deadline=None)
INSTANTS = st.integers(0, 4_000 * 365 * DAY)
MOMENTS = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat())
DST = st.sampled_from(["adjust", "skip", "both"])


@st.composite
def intervals(draw: st.DrawFn) -> Trigger:
    amount = st.one_of(st.integers(1, 1000), st.floats(0.01, 1000))
    units = st.sampled_from(["weeks", "days", "hours", "minutes", "seconds"])
    args: dict[str, object] = dict(draw(st.dictionaries(units, amount, min_size=1)))
    if draw(st.booleans()):
        args["start_date"] = draw(MOMENTS)
    return parse("interval", args, anchor=draw(INSTANTS))


@st.composite
def crons(draw: st.DrawFn) -> Trigger:
    rule = draw(rules())
    bounds = {name: draw(MOMENTS) for name in ("start_date", "end_date") if draw(st.booleans())}
    try:
        return parse(
            "cron", rule.args | bounds, timezone=draw(st.sampled_from(ZONES)), dst=draw(DST)
        )
    except TriggerError:
        assume(False)
    raise AssertionError


dates = st.builds(
    lambda moment, key: parse("date", {"run_date": moment}, timezone=key),
    st.datetimes().filter(lambda moment: 2 < moment.year < 9998),
    st.sampled_from(ZONES),
)
triggers = st.one_of(crons(), crons(), intervals(), dates)


@SETTINGS
@given(trigger=triggers, after=INSTANTS)
def test_next_and_last_agree(trigger: Trigger, after: Instant) -> None:
    following, current = trigger.next_after(after), trigger.last_before(after)
    if following is not None:
        assert following > after
        assert trigger.last_before(following) == following
        assert trigger.last_before(following - 1) == current
        assert trigger.next_after(following - 1) == following
    if current is not None:
        assert current <= after
        assert trigger.next_after(current - 1) == current
        assert trigger.next_after(current) == following


@SETTINGS
@given(trigger=triggers, after=INSTANTS, gap=st.integers(0, 30 * DAY))
def test_next_never_goes_back(trigger: Trigger, after: Instant, gap: Instant) -> None:
    first, second = trigger.next_after(after), trigger.next_after(after + gap)
    if first is None:
        assert second is None
    else:
        assert second is None or second >= first


@SETTINGS
@given(trigger=triggers, after=INSTANTS, span=st.integers(0, DAY))
def test_counting_is_listing(trigger: Trigger, after: Instant, span: Instant) -> None:
    listed = between(trigger, after, after + span, 2_000)
    assume(len(listed) < 2_000)
    assert count_between(trigger, after, after + span) == len(listed)
    assert listed == sorted(set(listed))
    assert all(after < instant <= after + span for instant in listed)


@given(
    trigger=triggers,
    after=st.one_of(st.integers(), st.sampled_from([-(10**40), 10**40, -(1 << 62), 1 << 62])),
)
def test_any_whole_number_is_answered(trigger: Trigger, after: Instant) -> None:
    following, current = trigger.next_after(after), trigger.last_before(after)
    assert following is None or following > after
    assert current is None or current <= after


@given(jitter=st.integers(1, 10**6), task=st.text(), instant=INSTANTS)
def test_the_start_delay_is_the_same_everywhere(jitter: int, task: str, instant: Instant) -> None:
    one, other = (parse("interval", {"hours": 1, "jitter": jitter}) for _ in range(2))
    delay = start_delay(one, task, instant)
    assert 0 <= delay <= jitter * SECOND
    assert start_delay(other, task, instant) == delay


@SETTINGS
@given(one=rules(), other=rules())
def test_the_same_words_mean_the_same_times(one: Rule, other: Rule) -> None:
    said: dict[str, CronTrigger] = {}
    for rule in (one, other):
        try:
            trigger = parse("cron", rule.args)
            assert isinstance(trigger, CronTrigger)
            known = said.setdefault(describe("cron", rule.args), trigger)
        except TriggerError:
            continue
        assert known.pattern is trigger.pattern
