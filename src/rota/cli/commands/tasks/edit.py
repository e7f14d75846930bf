"""`rota edit`: change options of a task on top of its code."""

from __future__ import annotations

from typing import Annotated

import typer

from rota.cli import formatting, output, project
from rota.core.ports.records import EDITABLE
from rota.definitions.edits import in_place_of
from rota.triggers.kinds import KINDS


def command(
    task: project.TaskArgument,
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE...",
            help="Options, or arguments of its trigger; a value is JSON, or a text.",
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    config: project.ConfigOption = None,
) -> None:
    """Change options of a task on every node, until `rota reset`, whatever the code says.

    Arguments of the trigger replace those of the same name: `rota edit report hour=7`.
    """
    given = formatting.pairs("KEY=VALUE", changes)
    with project.opened_manager(project.load(config)) as manager:
        found = {one.id: one for one in project.tasks(manager)}
        if task not in found:
            raise project.unknown_task(task, list(found))
        kind = KINDS.get(found[task].trigger)
        of_trigger = {
            key: given.pop(key)
            for key in list(given)
            if key not in EDITABLE and kind is not None and key in kind.arguments
        }
        if of_trigger and "trigger_args" not in given:
            given["trigger_args"] = {**found[task].trigger_args, **of_trigger}
        edited = manager.change_task(task, given, reason=reason)
    for edit in edited.edits:
        if edit.key in given:
            output.say(output.neutralise(f"{task}: {edit.key} is {in_place_of(edit)}."))
