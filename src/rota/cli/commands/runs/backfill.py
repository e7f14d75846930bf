"""`rota backfill`: run past occurrences of a task, each with its own fire time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.time import Instant, from_datetime, to_datetime
from rota.manager import TaskManager
from rota.manager.replays import MOST_REPLAYED, USUAL_LIMIT, BackfillPlan


def command(
    task: project.TaskArgument,
    since: Annotated[
        str, typer.Option(help="From then on: 2d (ago), or a time (no zone: the task's).")
    ],
    until: Annotated[
        str | None, typer.Option(help="Before this time, like --since; default: now.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_REPLAYED, help="Run nothing if there are more.")
    ] = USUAL_LIMIT,
    parallel: Annotated[
        int, typer.Option(min=1, help='So many at once; needs overlap="allow".')
    ] = 1,
    missing: Annotated[
        bool, typer.Option("--missing", help="Leave out occurrences with a successful run.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also while the task is paused.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--preview", help="Only list what would be run.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
    json: project.JsonOption = False,
) -> None:
    """Run past occurrences of a task, each with its own fire time, oldest first.

    An occurrence with a run that has not ended is left out, so the command may be repeated.
    """
    with project.opened_manager(project.load(config)) as manager:
        known = manager.get_task(task)
        zone = known.timezone if known else manager.config.manager.timezone
        begin, end = _range(manager, since, until, zone)
        plan = manager.plan_backfill(
            task, to_datetime(begin), to_datetime(end), limit=limit, missing=missing
        )
        runs: list[str] = []
        if not dry_run:
            runs = manager.carry_out_backfill(
                task, plan, limit=limit, parallel=parallel, force=force, reason=reason
            )
    if json:
        output.json_lines(_lines(plan, runs))
    else:
        _say(task, plan, runs, zone, dry_run, limit)


def _range(
    manager: TaskManager, since: str, until: str | None, zone: str
) -> tuple[Instant, Instant]:
    now = manager.services.clock.now()
    begin = formatting.before("--since", since, now, zone)
    return begin, now if until is None else formatting.before("--until", until, now, zone)


def _lines(plan: BackfillPlan, runs: list[str]) -> Iterator[dict[str, Any]]:
    left = iter(runs)
    for one in plan.occurrences:
        yield {
            "fire_time": formatting.iso(one.fire_time),
            "run": one.run.id if one.run else None,
            "state": one.run.state if one.run else None,
            "replays": one.replays,
            "active": one.active.id if one.active else None,
            "new_run": next(left, None) if one.active is None else None,
        }


def _say(
    task: str, plan: BackfillPlan, runs: list[str], zone: str, dry_run: bool, limit: int
) -> None:
    if dry_run:
        rows = [
            (
                time_text.moment(from_datetime(one.fire_time), zone),
                one.run.state if one.run else "no run",
                str(one.replays),
                f"left out: run {one.active.id} has not ended" if one.active else "",
            )
            for one in plan.occurrences
        ]
        if rows:
            output.table(("occurrence", "on record", "replays", ""), rows)
        else:
            output.note("No occurrence is in that range.")
        if plan.more:
            output.note(f"There are more than {limit}: give a shorter range, or a higher --limit.")
        return
    left_out = sum(one.active is not None for one in plan.occurrences)
    rest = f"; {left_out} left out, whose runs have not ended" if left_out else ""
    noun = "occurrence is" if len(runs) == 1 else "occurrences are"
    output.say(f"{len(runs)} {noun} run again of {output.neutralise(task)}{rest}.")
