"""The daily report of the sample container: true to the last run, and neutralise."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backgroundtask import _report
from backgroundtask.taskplugins import send_daily_reports
from rota.core.run import State
from rota.core.time import DAY, HOUR, MINUTE, SECOND, from_datetime
from tests.acceptance.conftest import Make
from tests.acceptance.past import past
from tests.acceptance.server import serving

HOSTILE = "<script>alert('rota')</script>\N{RIGHT-TO-LEFT OVERRIDE}\x1b[31m\n"
DAY_BEFORE = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
    days=1
)
YESTERDAY = from_datetime(DAY_BEFORE)
REPORT = f"reports/{DAY_BEFORE:%Y-%m-%d}"


def work() -> None:
    """Stand in for a task's work."""


def test_the_report_says_what_happened_yesterday(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(work, "interval", "work", hours=1, name="Real work")
    task_manager.add_task(work, "interval", "idle", hours=1)
    history = past(task_manager)
    history.ran("work", YESTERDAY, late=0.5, took=1)
    history.ran("work", YESTERDAY + HOUR, late=1.5, took=2)
    history.ran("work", YESTERDAY + 2 * HOUR, late=2.5, took=6, error="no such file")
    history.ran("work", YESTERDAY + DAY - SECOND, late=3.5, took=3)
    history.ran("work", YESTERDAY - SECOND, late=9, took=99)  # the day before
    history.ran("work", YESTERDAY + DAY, late=9, took=99)  # today
    history.never_ran("work", YESTERDAY + 5 * HOUR, state=State.SKIPPED)
    history.never_ran("work", YESTERDAY + 6 * HOUR, state=State.MISSED, count=7)

    said = asyncio.run(send_daily_reports())

    assert said == {"report": f"{REPORT}.html", "tasks": 2, "channels": 0}
    text = Path(f"{REPORT}.txt").read_text()
    rows = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in row if cell] for row in rows]
    figures = ["4", "75.0%", "2.5 s", "5.55 s", "2 s", "3.35 s", "1", "1", "7"]
    assert ["Real work (work)", *figures] in cells
    assert "- work, 1×: ValueError: no such file" in text
    html = Path(f"{REPORT}.html").read_text()
    assert "<td>5.55 s</td>" in html
    assert "ValueError: no such file" in html
    assert [path.name for path in Path("reports").iterdir() if path.name.startswith(".")] == []


def test_hostile_names_and_reasons_are_inert(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(work, "interval", "work", hours=1, name="<script>alert(1)</script>")
    past(task_manager).ran("work", YESTERDAY, late=0, took=1, error=HOSTILE)
    asyncio.run(send_daily_reports())
    html, text = Path(f"{REPORT}.html").read_text(), Path(f"{REPORT}.txt").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for char in ("\N{RIGHT-TO-LEFT OVERRIDE}", "\x1b"):
        assert char not in html + text


def test_a_day_of_many_runs_and_reasons_is_counted_to_the_last(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(work, "interval", "work", minutes=1)
    history = past(task_manager)
    minutes = [YESTERDAY + number * MINUTE // 2 for number in range(2500)]
    history.never_ran("work", *minutes, state=State.SKIPPED)
    for number in range(25):
        history.ran("work", YESTERDAY + SECOND + number, late=0, took=1, error=f"reason {number}")
    asyncio.run(send_daily_reports())
    text = Path(f"{REPORT}.txt").read_text()
    assert "skipped 2500" in text
    assert text.count("- work") == 21
    assert "- work, 5×: (other reasons)" in text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise's own imports
def test_the_report_goes_to_the_channels(make: Make) -> None:
    with serving() as service:
        channel = service.url.replace("http://", "json://")
        make(reports={"apprise_urls": [channel], "private_hosts": True})
        assert asyncio.run(send_daily_reports())["channels"] == 1
        [message] = map(json.loads, service.posted)
        assert message["title"].startswith("Daily report for ")
        assert "Tasks: 0." in message["message"]

        service.status = 500
        channels = [channel.replace("json://", "json://ada:secret@"), "what://token"]
        make(reports={"apprise_urls": channels, "private_hosts": True})
        with pytest.raises(RuntimeError) as raised:
            asyncio.run(send_daily_reports())
        assert str(raised.value) == "could not be sent to json://***, what://***"
        assert Path(f"{REPORT}.html").exists()


def test_a_channel_in_a_private_network_is_refused_unless_allowed(make: Make) -> None:
    with serving() as service:
        make(reports={"apprise_urls": [service.url.replace("http://", "json://")]})
        with pytest.raises(RuntimeError, match=r"127\.0\.0\.1.*reports\.private_hosts"):
            asyncio.run(send_daily_reports())
        assert list(service.posted) == []


def test_a_missing_apprise_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    _report.send(_report.Way(), "title", "text")
    with pytest.raises(RuntimeError, match=r"pip install apprise"):
        _report.send(_report.Way(["json://localhost"]), "title", "text")
