"""`rota backfill` and `rota rerun`."""

from __future__ import annotations

from pathlib import Path

from tests.integration.cli.project import Project

TASKS = """
import rota


@rota.task("cron", hour="*")
def sync():
    print(rota.current_run().fire_time)
"""
RANGE = ("--since", "2026-01-01 00:00", "--until", "2026-01-01 03:00")


def test_a_backfill_is_previewed_and_then_waits_for_a_node(tmp_path: Path) -> None:
    project = Project(tmp_path, TASKS)
    shown = project.rota("backfill", "sync", *RANGE, "--dry-run").stdout
    assert shown.count("no run") == 3
    assert project.lines("runs") == []
    said = project.rota("backfill", "sync", *RANGE, "--reason", "lost data").stdout
    assert said == "3 occurrences are run again of sync.\n"
    runs = project.lines("runs")
    assert [run["fire_time"] for run in runs] == [f"2026-01-01T0{h}:00:00Z" for h in range(3)]
    assert [run["replay"] for run in runs] == [1, 1, 1]
    again = project.rota("backfill", "sync", *RANGE).stdout
    assert again == (
        "0 occurrences are run again of sync; 3 left out, whose runs have not ended.\n"
    )
    assert len(project.lines("runs")) == 3
    refused = project.rota("backfill", "sync", "--since", "2020-01-01", "--limit", "5", code=2)
    assert "more than 5 occurrences" in refused.stderr
    project.rota("cancel", runs[0]["id"])
    assert "replay 2" in project.rota("rerun", runs[0]["id"]).stdout
