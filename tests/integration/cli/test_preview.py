"""`rota preview`: a trigger in words and in times."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.integration.cli.project import ROTA


def preview(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([ROTA, "preview", *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_a_crontab_text_in_words_and_times() -> None:
    after = ("--after", "2026-03-27", "--timezone", "Europe/Berlin", "--count", "3")
    said = preview("--crontab", "30 9 * * mon-fri", *after).stdout.splitlines()
    assert said[0] == "every weekday at 09:30, Europe/Berlin"
    assert said[2].split() == ["2026-03-27", "08:30:00", "Fri", "2026-03-27", "09:30:00", "CET"]
    assert said[3].split() == ["2026-03-30", "07:30:00", "Mon", "2026-03-30", "09:30:00", "CEST"]


@pytest.mark.parametrize(
    "words",
    [
        ["--cron", "hour=9", "--cron", "timezone=Europe/Berlin"],
        ["--cron", "hour=9", "--cron", "timezone=Europe/Berlin", "--timezone", "Asia/Tokyo"],
        ["--cron", "hour=9", "--timezone", "Europe/Berlin"],
    ],
)
def test_local_times_are_those_of_the_trigger(words: list[str]) -> None:
    words = [*words, "--after", "2026-01-01", "--count", "1"]
    said = preview(*words).stdout.splitlines()
    assert said[0].endswith("Europe/Berlin")
    assert said[2].split()[-2:] == ["09:00:00", "CET"]
    (found,) = map(json.loads, preview(*words, "--json").stdout.splitlines())
    assert found == {"fire_time": "2026-01-01T08:00:00Z", "local": "2026-01-01T09:00:00+01:00"}


@pytest.mark.parametrize(
    ("words", "times"),
    [
        (["--cron", "hour=9", "--cron", "minute=0"], ["2026-01-01T09:00:00Z"]),
        (["--interval", "minutes=5"], ["2026-01-01T00:05:00Z"]),
        (["--date", "2026-12-24 08:00"], ["2026-12-24T08:00:00Z"]),
    ],
)
def test_every_kind_as_json(words: list[str], times: list[str]) -> None:
    done = preview(*words, "--after", "2026-01-01", "--count", "1", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["fire_time"] for one in found] == times
    assert set(found[0]) == {"fire_time", "local"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cron", "minute=61"], "minute=61"),
        (["--cron", "hours=9"], "'hour'"),
        (["--crontab", "* * *"], "* * *"),
        (["--interval", "minutes=5", "--date", "2030-01-01"], "2 triggers"),
        ([], "0 triggers"),
        (["--cron", "hour"], "key=value"),
        (["--crontab", "@daily", "--after", "tomorrow"], "'tomorrow' is not a time"),
        (["--crontab", "@daily", "--timezone", "Mars/Base"], "Mars/Base"),
    ],
)
def test_mistakes_are_reported(words: list[str], said: str) -> None:
    done = preview(*words, code=2)
    assert said in done.stderr
    assert done.stderr.startswith("error: ")


def test_a_trigger_that_is_over_exits_with_1() -> None:
    done = preview("--date", "2020-01-01", code=1)
    assert "It never fires again." in done.stderr
