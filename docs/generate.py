"""Writes the pages and files that are made from the code; with `--check`, says which are old."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from docs import diagrams, reference_pages
from rota.config import schema
from rota.config.model import Xcorecfg
from rota.core.lifecycle import TRANSITIONS
from rota.core.reasons import ReasonCode, TroubleCode
from rota.core.reasons.remedies import EXPLANATIONS
from rota.core.run import FINAL, State
from rota.definitions.options import OPTIONS
from rota.ledger import migrations
from rota.ledger.sqlite.creation import statements_of
from rota.triggers import KINDS, describe

DOCS = Path(__file__).parent
GENERATED = reference_pages.GENERATED

MEANING = {
    State.SCHEDULED: "waits for its retry, or for its start delay",
    State.QUEUED: "may start as soon as a slot is free",
    State.RUNNING: "a node attempts it under a lease",
    State.SUCCEEDED: "its last attempt succeeded, and the holder of its lease said so",
    State.FAILED: "its last attempt failed or timed out with no retry left, or it was quarantined",
    State.CANCELLED: "it was cancelled: by a person, a program, or the removal of its task",
    State.SKIPPED: "its task still ran, and `overlap` said skip; it was skipped manually; or the"
    " task raised `rota.Skip`",
    State.MISSED: "it was not planned in time, or could not start by its deadline",
    State.LOST: "its worker died, and `on_crash` said lose",
}


def lifecycle() -> str:
    """Return the page of the state machine, drawn from `rota.core.lifecycle.TRANSITIONS`."""
    lines = [
        GENERATED,
        "# States and reasons of a run\n",
        "Every run is in one of nine states, and moves only along these arrows.\n",
        "![The states of a run and the transitions between them](images/lifecycle.svg)\n",
        "| state | means | ended |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{state}` | {MEANING[state]} | {'yes' if state in FINAL else ''} |" for state in State
    ]
    lines += ["\n## Transitions\n", "| from | to | when |", "|---|---|---|"]
    lines += [
        f"| {f'`{source}`' if source else ''} | `{target}` | {why} |"
        for source, targets in TRANSITIONS.items()
        for target, why in targets.items()
    ]
    lines += [
        "\n## Reasons\n",
        "`reason` explains the state in words, `reason_code` to programs:\n",
        "| code | means |",
    ]
    lines[-1] = "| code | means | what to do |"
    lines += ["|---|---|---|", *map(_explained, ReasonCode)]
    return "\n".join(lines) + "\n"


def findings() -> str:
    """Return the page of every code that a diagnosis finds, from the one table."""
    lines = [
        GENERATED,
        "# What a diagnosis finds\n",
        "`/health` and `rota health` have these codes in `findings`. Names in braces are filled in"
        " when the finding is shown. Runs have [codes of their own](../lifecycle.md), which the"
        " doctor uses for runs that did not happen.\n",
        "| code | means | what to do |",
        "|---|---|---|",
        *map(_explained, TroubleCode),
    ]
    return "\n".join(lines) + "\n"


def _explained(code: ReasonCode | TroubleCode) -> str:
    meaning, remedy = EXPLANATIONS[code]
    return f"| `{code}` | {meaning} | {remedy} |"


def configuration() -> str:
    """Return the page of every configuration key, from the models themselves."""
    lines = [
        GENERATED,
        "# Every key of `config.json`\n",
        "Each can be set by an environment variable: `XCORE_` and its path in capitals, `__`"
        " between levels (`XCORE_MANAGER__MAX_TASKS`).\n",
        *_section("", Xcorecfg),
    ]
    return "\n".join(lines) + "\n"


def options() -> str:
    """Return the page of every option of a task, from their table."""
    lines = [
        GENERATED,
        "# Every option of a task\n",
        "Each may stand in an entry of `TASK_DEFINITIONS`, in `add_task`, at `@rota.task` and in"
        " `POST /manager/tasks`. An option that is `None` is not given.\n",
        "| option | is | if it is not given |",
        "|---|---|---|",
    ]
    for option in sorted(OPTIONS.values(), key=lambda one: one.name):
        default = f"`manager.{option.default}`" if option.default else ""
        other = "; ".join(filter(None, (default, option.otherwise)))
        lines.append(f"| `{option.name}` | {option.meaning} | {other} |")
    return "\n".join(lines) + "\n"


def triggers() -> str:
    """Return the page of every kind of trigger, from their registry."""
    lines = [
        GENERATED,
        "# Every kind of trigger\n",
        "[Say when a task runs](../howto/triggers.md) explains them with examples.",
    ]
    for kind in KINDS.values():
        given = ", ".join(f"{name}={value!r}" for name, value in kind.example.items())
        lines += [
            f"\n## `{kind.name}`\n",
            f"Runs {kind.meaning}. `{kind.name}` with `{given}`:"
            f" {describe(kind.name, kind.example)}.\n",
            "| argument | is |",
            "|---|---|",
        ]
        lines += [f"| `{name}` | {meaning} |" for name, meaning in kind.arguments.items()]
    return "\n".join(lines) + "\n"


def _section(title: str, model: type) -> Iterator[str]:
    plain = {
        name: field
        for name, field in model.model_fields.items()  # type: ignore[attr-defined]
        if not hasattr(field.annotation, "model_fields")
    }
    if title:
        yield f"\n## `{title}`\n"
        yield f"{(model.__doc__ or '').splitlines()[0]}\n"
    yield "| key | default | what it does |"
    yield "|---|---|---|"
    for name, field in plain.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if field.is_required() else f"`{_json(default)}`"
        yield f"| `{field.alias or name}` | {shown} | {field.description or ''} |"
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]
        if name not in plain:
            yield from _section(name, field.annotation)


def decisions() -> str:
    """Return the list of the decision records, from their titles."""
    lines = [
        GENERATED,
        "# Decisions\n",
        "What was decided, why, and what was not taken. Each record is one page.\n",
    ]
    for path in sorted((DOCS / "decisions").glob("0*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        number, _, words = title.partition(" ")
        lines.append(f"- [{int(number.strip('.'))}. {words.lstrip('· ')}]({path.name})")
    return "\n".join(lines) + "\n"


def _json(value: object) -> str:
    import json

    return json.dumps(value, default=str)


def tables() -> str:
    """Return what makes the tables of a new SQLite file at once, from the migrations."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        migrations.upgrade(connection)
        return statements_of(connection)


PAGES = {
    "images/journey.svg": diagrams.journey,
    "images/lifecycle.svg": diagrams.lifecycle,
    "lifecycle.md": lifecycle,
    "reference/findings.md": findings,
    "reference/configuration.md": configuration,
    "reference/options.md": options,
    "reference/triggers.md": triggers,
    "reference/config.schema.json": schema.text,
    "reference/cli.md": reference_pages.command_page,
    "reference/errors.md": reference_pages.errors_page,
    "reference/rest.md": reference_pages.rest_page,
    "decisions/index.md": decisions,
    "../src/rota/ledger/sqlite/schema.sql": tables,
}


def main() -> int:
    """Write the pages, or check them; returns the exit code."""
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        verb = "Out of date, run `make docs`" if "--check" in sys.argv else "Written"
        print(f"{verb}: {', '.join(stale)}")  # noqa: T201
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
