"""Agreement with cronsim (Debian's meaning) and with APScheduler, wherever they mean the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from cronsim import CronSim, CronSimError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rota.core.time import from_datetime, to_datetime
from rota.errors import TriggerError
from rota.triggers import between, parse, preview
from tests.property.triggers.strategies import MONTHS, ORDINALS, WEEKDAYS, fields

SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2037, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@st.composite
def crontab_days(draw: st.DrawFn) -> str:
    special = draw(st.sampled_from(["", "", "", "L", "LW", "15,L"]))
    return special or draw(fields(1, 31))[0]


@st.composite
def crontab_weekdays(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["numbers", "numbers", "names", "nth", "last"]))
    if kind == "names":
        return draw(st.sampled_from(["mon-fri", "SUN", "Sat,sun", "tue", "sun-sat", "wed-sat/2"]))
    day = draw(st.integers(0, 7))
    if kind == "nth":
        return f"{day}#{draw(st.integers(1, 5))}"
    return f"{day}L" if kind == "last" else draw(fields(0, 7))[0]


@st.composite
def crontabs(draw: st.DrawFn, *, steps: bool = True) -> str:
    minute, hour = draw(fields(0, 59, steps=steps))[0], draw(fields(0, 23, steps=steps))[0]
    month = draw(st.one_of(st.just("*"), fields(1, 12).map(lambda term: term[0])))
    return f"{minute} {hour} {draw(crontab_days())} {month} {draw(crontab_weekdays())}"


@SLOW
@given(text=crontabs(), after=MOMENTS)
def test_a_crontab_means_what_it_means_to_cronsim(text: str, after: datetime) -> None:
    try:
        theirs = list(islice(CronSim(text, after), 8))
    except CronSimError:
        assume(False)
    try:
        ours = preview("cron", {"crontab": text}, after=after, count=8)
    except TriggerError:
        assert theirs == []  # it can never fire
        return
    assert ours[: len(theirs)] == theirs
    assert len(theirs) == 8 or (ours[len(theirs)] - after).days > 49 * 365


ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/St_Johns"])
CHANGES = st.sampled_from([datetime(2025, 3, 8), datetime(2025, 3, 29), datetime(2025, 11, 1)])


@SLOW
@given(text=crontabs(steps=False), key=ZONES, day=CHANGES, hours=st.integers(0, 48))
def test_fixed_times_meet_clock_changes_as_in_debian(
    text: str, key: str, day: datetime, hours: int
) -> None:
    minute, hour = text.split()[:2]
    assume("*" not in minute + hour)
    zone = ZoneInfo(key)
    after = day.replace(tzinfo=zone) + timedelta(hours=hours)
    try:
        theirs = [moment.astimezone(UTC) for moment in islice(CronSim(text, after), 40)]
        ours = preview("cron", {"crontab": text}, timezone=key, after=after, count=40)
    except (CronSimError, TriggerError):
        assume(False)
    # cronsim starts a second time what it finds twice at the end of a gap, or what had its first
    # pass before `after`: an instant is one instant here.
    theirs = [moment for moment in dict.fromkeys(theirs) if moment > after.astimezone(UTC)]
    both = min(len(ours), len(theirs))
    assert ours[:both] == theirs[:both]


@st.composite
def keywords(draw: st.DrawFn) -> dict[str, object]:
    bounds = {
        "year": (2015, 2040),
        "month": (1, 12),
        "day": (1, 31),
        "week": (1, 53),
        "day_of_week": (0, 6),
        "hour": (0, 23),
        "minute": (0, 59),
        "second": (0, 59),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(bounds)), min_size=1, max_size=4))
    args: dict[str, object] = {}
    for name in chosen:
        term = draw(fields(*bounds[name], steps=name != "year"))[0]
        args[name] = int(term) if term.isdigit() else term
    if "day" in chosen and draw(st.booleans()):
        args["day"] = draw(
            st.one_of(
                st.just("last"),
                st.builds("{} {}".format, st.sampled_from(ORDINALS), st.sampled_from(WEEKDAYS)),
            )
        )
    if "month" in chosen and draw(st.booleans()):
        args["month"] = draw(st.sampled_from([*MONTHS, "jan-mar", "Feb,DEC"]))
    if "day_of_week" in chosen and draw(st.booleans()):
        args["day_of_week"] = draw(st.sampled_from([*WEEKDAYS, "mon-fri", "SAT,sun"]))
    return args


@SLOW
@given(args=keywords(), after=MOMENTS)
def test_keyword_fields_mean_what_they_mean_to_apscheduler(
    args: dict[str, object], after: datetime
) -> None:
    until = datetime(2042, 1, 1, tzinfo=UTC)  # APScheduler gives up only in the year 9999, slowly
    peer = CronTrigger(**args, timezone="UTC", end_date=until)
    theirs: list[datetime] = []
    moment: datetime | None = after + timedelta(microseconds=1)
    while moment and len(theirs) < 5:
        moment = peer.get_next_fire_time(None, moment)
        if moment:
            theirs.append(moment)
            moment += timedelta(microseconds=1)
    try:
        trigger = parse("cron", args)
    except TriggerError:
        assert theirs == []  # it can never fire
        return
    found = between(trigger, from_datetime(after), from_datetime(until), 5)
    assert [to_datetime(instant) for instant in found] == theirs
