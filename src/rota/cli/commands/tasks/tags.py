"""`rota tags`: list the tags, and what is paused by them."""

from __future__ import annotations

from rota.cli import formatting, output, project
from rota.core import time_text
from rota.core.pauses import ALL, scope_of
from rota.core.task import PauseView


def command(config: project.ConfigOption = None, json: project.JsonOption = False) -> None:
    """List the tags, how many tasks have each, and the pauses by tag and of all tasks."""
    with project.opened_manager(project.load(config)) as manager:
        if project.has_ledger(manager.config):
            tags, pauses = manager.list_tags(), {one.held: one for one in manager.list_pauses()}
        else:
            tags, pauses = {}, {}
            for task in project.tasks(manager):
                for tag in task.tags:
                    tags[tag] = tags.get(tag, 0) + 1
    rows = [(tag, count, pauses.get(scope_of(tag))) for tag, count in sorted(tags.items())]
    if ALL in pauses:
        rows.append(("(all tasks)", 0, pauses[ALL]))
    if json:
        output.json_lines(
            {
                "tag": tag,
                "tasks": count,
                "paused": pause is not None,
                "paused_until": formatting.iso(pause.until) if pause else None,
                "pause_reason": pause.reason if pause else "",
            }
            for tag, count, pause in rows
        )
    elif rows:
        shown = [(tag, str(count or ""), _pause(pause)) for tag, count, pause in rows]
        output.table(("tag", "tasks", "paused"), shown)
    else:
        output.note("No task has a tag: give one the option tags=[…].")


def _pause(pause: PauseView | None) -> str:
    if pause is None:
        return ""
    until = f"until {time_text.clock(pause.until, 'UTC')}" if pause.until else "until `rota resume`"
    return f"{until} by {pause.by}" + (f": {pause.reason}" if pause.reason else "")
