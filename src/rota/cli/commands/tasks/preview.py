"""`rota preview`: describe a trigger and list its next times."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from rota import triggers
from rota.cli import formatting, output
from rota.cli.formatting import UsageError
from rota.core.time import to_datetime
from rota.runtime.system_clock import SystemClock
from rota.triggers import KINDS


def command(
    crontab: Annotated[str | None, typer.Option(help="A crontab text, with Unix meaning.")] = None,
    cron: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=TEXT", help="A cron field; repeatable.")
    ] = None,
    interval: Annotated[
        list[str] | None, typer.Option(metavar="UNIT=NUMBER", help="The interval, like minutes=5.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="The time, in --timezone.")] = None,
    trigger: Annotated[
        str | None, typer.Option(help=f"A trigger of any kind: {', '.join(KINDS)}.")
    ] = None,
    arg: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="With --trigger: an argument; repeatable, JSON."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of the trigger (tz database name).")] = "UTC",
    count: Annotated[int, typer.Option(help="How many times to list.")] = 10,
    after: Annotated[
        str | None,
        typer.Option(help="List times after this one (no zone: --timezone), not after now."),
    ] = None,
    id: Annotated[
        str, typer.Option("--id", help="The task's id, from which H and ~ in a crontab follow.")
    ] = "",
    dst: Annotated[str, typer.Option(help="At clock changes: adjust, skip or both.")] = "adjust",
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Describe a trigger and list its next times.

    Exits with 1 if it never fires again.
    """
    given = _given(crontab, cron, interval, date)
    if trigger is not None:
        given.append((trigger, formatting.pairs("--arg", arg or [])))
    kind, args = _only(given)
    zone = str(triggers.zone_of(kind, args) or timezone)
    times = triggers.preview(
        kind,
        args,
        timezone=timezone,
        after=_after(after, zone),
        count=count,
        dst=dst,
        task_id=id,
    )
    if json:
        output.json_lines(
            {"fire_time": formatting.iso(one), "local": _local(one, zone)} for one in times
        )
    else:
        output.say(triggers.describe(kind, args, timezone=timezone, task_id=id))
        output.table(("utc", "local"), [_row(one, zone) for one in times])
    if not times and count:
        output.note("It never fires again.")
        raise typer.Exit(1)


def _given(
    crontab: str | None, cron: list[str] | None, interval: list[str] | None, date: str | None
) -> list[tuple[str, dict[str, Any]]]:
    given: list[tuple[str, dict[str, Any]]] = []
    if crontab is not None:
        given.append(("cron", {"crontab": crontab}))
    if cron:
        given.append(("cron", formatting.pairs("--cron", cron)))
    if interval:
        given.append(("interval", formatting.pairs("--interval", interval)))
    if date is not None:
        given.append(("date", {"run_date": date}))
    return given


def _only(given: list[tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]]:
    if len(given) != 1:
        raise UsageError(
            f"{len(given)} triggers were given.",
            where="preview",
            remedy="Give one: --crontab '*/15 9-17 * * mon-fri', --cron hour=9 --cron minute=30,"
            " --interval minutes=5, --date '2026-12-24 08:00', or any kind with --trigger.",
        )
    return given[0]


def _after(text: str | None, zone: str) -> datetime | None:
    if text is None:
        return None
    return to_datetime(formatting.ahead("--after", text, SystemClock().now(), zone))


def _local(when: datetime, zone: str) -> str:
    return when.astimezone(ZoneInfo(zone)).isoformat()


def _row(when: datetime, zone: str) -> tuple[str, str]:
    there = when.astimezone(ZoneInfo(zone))
    return f"{when:%Y-%m-%d %H:%M:%S}", f"{there:%a %Y-%m-%d %H:%M:%S %Z}"
