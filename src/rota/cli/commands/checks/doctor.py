"""`rota doctor`: why tasks do not run, run twice, grow or are missed."""

from __future__ import annotations

import typer

from rota.cli import output, project
from rota.cli.evidence import collect
from rota.diagnosis import doctor
from rota.diagnosis.finding import Diagnosis, Severity


def command(config: project.ConfigOption = None, json: project.JsonOption = False) -> None:
    """Look for common troubles of schedulers, and show the evidence and the remedy of each.

    Exits with 1 if something needs a fix.
    """
    found = doctor.examine(collect(config))
    if json:
        output.json_lines(
            _as_json(trouble, finding)
            for trouble, findings in found.items()
            for finding in findings
        )
    else:
        for trouble, findings in found.items():
            _show(trouble, findings)
    if any(one.verdict is Severity.WARN for findings in found.values() for one in findings):
        raise typer.Exit(1)


def _as_json(trouble: str, one: Diagnosis) -> dict[str, str]:
    _, text, remedy = one.reason
    found = {"trouble": trouble, "check": one.check, "verdict": one.verdict}
    return {**found, "why": text, "remedy": remedy}


def _show(trouble: str, findings: list[Diagnosis]) -> None:
    output.say(f"{trouble.capitalize()}")
    for one in findings:
        output.marked(one.verdict, f"{one.check}: {one.reason.text}")
        if one.reason.remedy:
            output.say(f"        {output.neutralise(one.reason.remedy)}")
    output.say()
