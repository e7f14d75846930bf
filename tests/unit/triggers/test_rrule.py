"""RRULEs: the examples of RFC 5545, section 3.8.5.3, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from rota.core.time import SECOND, from_datetime
from rota.errors import TriggerError
from rota.triggers import describe, parse, preview
from tests.unit.triggers.conftest import Refused

NEW_YORK = "America/New_York"
START = "1997-09-02 09:00"
BEFORE = datetime(1990, 1, 1, tzinfo=UTC)


def listed(rule: str, count: int, dtstart: str = START, **others: object) -> list[str]:
    """Return the first wall times of a rule in New York."""
    args = {"rrule": rule, "dtstart": dtstart, "timezone": NEW_YORK, **others}
    found = preview("rrule", args, after=BEFORE, count=count)
    return [f"{one.astimezone(ZoneInfo(NEW_YORK)):%Y-%m-%d %H:%M}" for one in found]


def days(text: str) -> list[str]:
    """Read "1997-09: 2 3 | 1997-10: 5" as days at 09:00."""
    found = []
    for month in text.split("|"):
        name, _, numbers = month.partition(":")
        found += [f"{name.strip()}-{int(number):02} 09:00" for number in numbers.split()]
    return found


RFC = [
    # (rule, from RFC 5545, its dates at 09:00 in New York, dtstart)
    ("FREQ=DAILY;COUNT=10", "1997-09: 2 3 4 5 6 7 8 9 10 11", START),
    (
        "FREQ=DAILY;INTERVAL=2",
        "1997-09: 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30|1997-10: 2 4",
        START,
    ),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09: 2 12 22|1997-10: 2 12", START),
    ("FREQ=WEEKLY;COUNT=10", "1997-09: 2 9 16 23 30|1997-10: 7 14 21 28|1997-11: 4", START),
    (
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997-09: 2 9 16 23 30|1997-10: 7 14 21 28|1997-11: 4 11 18 25|1997-12: 2 9 16 23",
        START,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997-09: 2 16 30|1997-10: 14 28|1997-11: 11 25|1997-12: 9 23|1998-01: 6 20|1998-02: 3 17",
        START,
    ),
    (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "1997-09: 2 4 9 11 16 18 23 25 30|1997-10: 2",
        START,
    ),
    (
        "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        "1997-09: 2 4 9 11 16 18 23 25 30|1997-10: 2",
        START,
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997-09: 1 3 5 15 17 19 29|1997-10: 1 3 13 15 17 27 29 31|1997-11: 10 12 14 24 26 28"
        "|1997-12: 8 10 12 22",
        "1997-09-01 09:00",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997-09: 2 4 16 18 30|1997-10: 2 14 16",
        START,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997-09: 5|1997-10: 3|1997-11: 7|1997-12: 5|1998-01: 2|1998-02: 6|1998-03: 6|1998-04: 3"
        "|1998-05: 1|1998-06: 5",
        "1997-09-05 09:00",
    ),
    (
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997-09: 5|1997-10: 3|1997-11: 7|1997-12: 5",
        "1997-09-05 09:00",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997-09: 7 28|1997-11: 2 30|1998-01: 4 25|1998-03: 1 29|1998-05: 3 31",
        "1997-09-07 09:00",
    ),
    (
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997-09: 22|1997-10: 20|1997-11: 17|1997-12: 22|1998-01: 19|1998-02: 16",
        "1997-09-22 09:00",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997-09: 28|1997-10: 29|1997-11: 28|1997-12: 29|1998-01: 29|1998-02: 26",
        "1997-09-28 09:00",
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997-09: 2 15|1997-10: 2 15|1997-11: 2 15|1997-12: 2 15|1998-01: 2 15",
        START,
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997-09: 30|1997-10: 1 31|1997-11: 1 30|1997-12: 1 31|1998-01: 1 31|1998-02: 1",
        "1997-09-30 09:00",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997-09: 10 11 12 13 14 15|1999-03: 10 11 12 13",
        "1997-09-10 09:00",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997-09: 2 9 16 23 30|1997-11: 4 11 18 25|1998-01: 6 13 20 27|1998-03: 3 10 17 24 31",
        START,
    ),
    (
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997-06: 10|1997-07: 10|1998-06: 10|1998-07: 10|1999-06: 10|1999-07: 10|2000-06: 10"
        "|2000-07: 10|2001-06: 10|2001-07: 10",
        "1997-06-10 09:00",
    ),
    (
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997-03: 10|1999-01: 10|1999-02: 10|1999-03: 10|2001-01: 10|2001-02: 10|2001-03: 10"
        "|2003-01: 10|2003-02: 10|2003-03: 10",
        "1997-03-10 09:00",
    ),
    (
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997-01: 1|1997-04: 10|1997-07: 19|2000-01: 1|2000-04: 9|2000-07: 18|2003-01: 1"
        "|2003-04: 10|2003-07: 19|2006-01: 1",
        "1997-01-01 09:00",
    ),
    ("FREQ=YEARLY;BYDAY=20MO", "1997-05: 19|1998-05: 18|1999-05: 17", "1997-05-19 09:00"),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05: 12|1998-05: 11|1999-05: 17", "1997-05-12 09:00"),
    (
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997-03: 13 20 27|1998-03: 5 12 19 26|1999-03: 4 11 18 25",
        "1997-03-13 09:00",
    ),
    (
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997-06: 5 12 19 26|1997-07: 3 10 17 24 31|1997-08: 7 14 21 28|1998-06: 4 11 18 25",
        "1997-06-05 09:00",
    ),
    (
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1998-02: 13|1998-03: 13|1998-11: 13|1999-08: 13|2000-10: 13",
        START,
    ),
    (
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997-09: 13|1997-10: 11|1997-11: 8|1997-12: 13|1998-01: 10|1998-02: 7|1998-03: 7"
        "|1998-04: 11|1998-05: 9|1998-06: 13",
        "1997-09-13 09:00",
    ),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996-11: 5|2000-11: 7|2004-11: 2",
        "1996-11-05 09:00",
    ),
    (
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997-09: 4|1997-10: 7|1997-11: 6",
        "1997-09-04 09:00",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997-09: 29|1997-10: 30|1997-11: 27|1997-12: 30|1998-01: 29|1998-02: 26|1998-03: 30",
        "1997-09-29 09:00",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997-08: 5 10 19 24",
        "1997-08-05 09:00",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997-08: 5 17 19 31",
        "1997-08-05 09:00",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007-01: 15 30|2007-02: 15|2007-03: 15 30",
        "2007-01-15 09:00",
    ),
]


@pytest.mark.parametrize(("rule", "dates", "dtstart"), RFC, ids=[rule for rule, _, _ in RFC])
def test_the_examples_of_the_rfc(rule: str, dates: str, dtstart: str) -> None:
    wanted = days(dates)
    bounded = "COUNT" in rule or "UNTIL" in rule
    assert listed(rule, len(wanted) + 1, dtstart)[: len(wanted) + bounded] == wanted
    args = {"rrule": rule, "dtstart": dtstart, "timezone": NEW_YORK}
    trigger = parse("rrule", args)
    at, backwards = from_datetime(datetime(2100, 1, 1, tzinfo=UTC)), []
    if bounded:
        while (found := trigger.last_before(at)) is not None:
            backwards.append(found)
            at = found - 1
        assert len(backwards) == len(wanted)
        assert backwards[-1] == trigger.next_after(0)


def test_the_examples_that_are_long() -> None:
    every_day = listed("FREQ=DAILY;UNTIL=19971224T000000Z", 200)
    assert (len(every_day), every_day[-1]) == (113, "1997-12-23 09:00")
    january = listed(
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        100,
        "1998-01-01 09:00",
    )
    assert january == listed("FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", 100, "1998-01-01 09:00")
    assert (len(january), january[31], january[-1]) == (93, "1999-01-01 09:00", "2000-01-31 09:00")
    friday_13th = listed("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", 1, exdate=[START])
    assert friday_13th == ["1998-02-13 09:00"]


def test_the_examples_within_a_day() -> None:
    every_3_hours = listed("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z", 9)
    assert every_3_hours == ["1997-09-02 09:00", "1997-09-02 12:00"]  # 17:00 UTC is 13:00 there
    quarters = listed("FREQ=MINUTELY;INTERVAL=15;COUNT=6", 9)
    assert [one[-5:] for one in quarters] == ["09:00", "09:15", "09:30", "09:45", "10:00", "10:15"]
    ninety = listed("FREQ=MINUTELY;INTERVAL=90;COUNT=4", 9)
    assert [one[-5:] for one in ninety] == ["09:00", "10:30", "12:00", "13:30"]
    by_day = listed("FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", 30)
    by_minute = listed("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", 30)
    assert by_day == by_minute
    assert by_day[23:25] == ["1997-09-02 16:40", "1997-09-03 09:00"]


@settings(max_examples=60, deadline=None)
@given(
    rule=st.sampled_from(
        [
            "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU;WKST=SU",
            "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31,-2",
            "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO,FR",
            "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=-1,60",
            "FREQ=DAILY;INTERVAL=11;BYMONTH=2,3",
            "FREQ=HOURLY;INTERVAL=7;BYDAY=WE",
            "FREQ=MINUTELY;INTERVAL=95;BYHOUR=3,4",
            "FREQ=SECONDLY;INTERVAL=2000;BYMONTHDAY=1",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1,1",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        ]
    ),
    start=st.datetimes(datetime(2001, 1, 1), datetime(2003, 12, 31)),
    after=st.datetimes(datetime(2000, 1, 1), datetime(2006, 12, 31)),
)
def test_a_recurrence_gives_the_instants_of_dateutil(
    rule: str, start: datetime, after: datetime
) -> None:
    start, after = start.replace(microsecond=0), after.replace(microsecond=0)
    oracle = rrulestr(rule, dtstart=start)
    trigger = parse("rrule", {"rrule": rule, "dtstart": start})
    at = from_datetime(after.replace(tzinfo=UTC))
    following, before = oracle.after(after), oracle.before(after, inc=True)
    assert trigger.next_after(at) == from_datetime(following.replace(tzinfo=UTC))
    wanted = None if before is None else from_datetime(before.replace(tzinfo=UTC))
    assert trigger.last_before(at) == wanted


def test_clocks_that_change() -> None:
    args = {"rrule": "FREQ=DAILY", "dtstart": "2025-03-29 02:30", "timezone": "Europe/Berlin"}
    after = datetime(2025, 3, 29, 12, tzinfo=UTC)
    assert preview("rrule", args, after=after, count=2) == [
        datetime(2025, 3, 30, 1, 0, tzinfo=UTC),
        datetime(2025, 3, 31, 0, 30, tzinfo=UTC),
    ]
    assert preview("rrule", args, after=after, count=1, dst="skip")[0].day == 31
    hourly = {**args, "rrule": "FREQ=HOURLY"}
    spring = preview("rrule", hourly, after=datetime(2025, 3, 30, tzinfo=UTC), count=2)
    assert [one.hour for one in spring] == [1, 2] or [one.minute for one in spring] == [30, 30]
    autumn = datetime(2025, 10, 25, 23, 45, tzinfo=UTC)
    both = preview("rrule", hourly, after=autumn, count=3)
    assert [f"{one:%H:%M}" for one in both] == ["00:30", "01:30", "02:30"]


def test_dates_beside_and_words() -> None:
    args = {
        "rrule": "rrule:freq=weekly;count=2",
        "dtstart": "2030-01-01 09:00",
        "rdate": ["2030-01-03 10:00", "2030-01-08 09:00"],
        "exdate": ["2030-01-01 09:00"],
    }
    found = preview("rrule", args, after=datetime(2029, 1, 1, tzinfo=UTC))
    assert [one.day for one in found] == [3, 8]
    assert describe("rrule", args) == (
        "by FREQ=WEEKLY;COUNT=2 from 2030-01-01 09:00, also at 2030-01-03 10:00 and"
        " 2030-01-08 09:00, not at 2030-01-01 09:00, UTC"
    )


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("", "is no part of a rule"),
        ("FREQ=FORTNIGHTLY", "is no frequency"),
        ("INTERVAL=2", "is no frequency"),
        ("FREQ=DAILY;BYEASTER=0", "'BYEASTER' is no part"),
        ("FREQ=DAILY;COUNT=0", "from 1 on"),
        ("FREQ=DAILY;COUNT=99999", "COUNT is above"),
        ("FREQ=DAILY;INTERVAL=0", "from 1 on"),
        ("FREQ=DAILY;INTERVAL=1.5", "from 1 on"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20300101", "exclude each other"),
        ("FREQ=DAILY;UNTIL=tomorrow", "is no date"),
        ("FREQ=DAILY;UNTIL=20301301", "month must be"),
        ("FREQ=DAILY;BYHOUR=24", "not in 0-23"),
        ("FREQ=DAILY;BYSECOND=60", "not in 0-59"),
        ("FREQ=DAILY;BYMONTHDAY=0", "not in 1-31"),
        ("FREQ=MONTHLY;BYDAY=1XX", "is no weekday"),
        ("FREQ=WEEKLY;BYDAY=1MO", "YEARLY and MONTHLY alone"),
        ("FREQ=MONTHLY;BYWEEKNO=3", "does not go with"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "does not go with"),
        ("FREQ=DAILY;BYSETPOS=1", "needs another BY"),
        ("FREQ=DAILY;FREQ=DAILY", "is there twice"),
        ("FREQ=DAILY;WKST=XX", "is no weekday"),
        ("DTSTART:20300101\nRRULE:FREQ=DAILY", "is no part"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "can never fire"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "can never fire"),
        ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "can never fire"),
        ("FREQ=HOURLY;INTERVAL=2;BYHOUR=1", "can never fire"),
        ("FREQ=DAILY;UNTIL=19990101", "can never fire"),
        ("FREQ=MONTHLY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE="
         + ",".join(map(str, range(60))) + ";BYSECOND=0,30", "times in one period"),
    ],
)  # fmt: skip
def test_what_is_refused(refused: Refused, rule: str, why: str) -> None:
    began = process_time()
    error = refused("rrule", {"rrule": rule, "dtstart": "2030-01-01"})
    assert why in error.what and error.field == "rrule"
    assert process_time() - began < 10


def test_what_is_missing_or_in_excess(refused: Refused) -> None:
    assert refused("rrule", {}).field == "rrule"
    assert refused("rrule", {"rrule": "FREQ=DAILY"}).field == "dtstart"
    assert refused("rrule", {"rrule": "FREQ=DAILY", "dtstart": "1960-01-01"}).field == "dtstart"
    many = ["2030-01-01"] * 1001
    error = refused("rrule", {"rrule": "FREQ=DAILY", "dtstart": "2030-01-01", "rdate": many})
    assert error.field == "rdate"
    with pytest.raises(TriggerError):
        parse("rrule", {"rrule": ["FREQ=DAILY"], "dtstart": "2030-01-01"})


def test_a_far_instant_of_a_dense_rule_is_found_at_once() -> None:
    rule = parse("rrule", {"rrule": "FREQ=SECONDLY", "dtstart": "1990-01-01"})
    far = from_datetime(datetime(2090, 1, 1, tzinfo=UTC))
    began = process_time()
    assert rule.next_after(far) == far + SECOND
    assert rule.last_before(far) == far
    assert process_time() - began < 2
