"""The reference pages of errors, command line and REST interface, made from the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from rota import errors

GENERATED = "<!-- Made from the code by `make docs`: edit the code, not this page. -->\n"

REMEDIES = {
    "RotaError": "Read `what`, `where` and `remedy`: the text of the error is these three.",
    "ConfigError": "Correct the named key in `config.json`, or the named environment variable. `rota check` lists"
    " all such mistakes at once.",
    "DefinitionError": "Correct the named option at the named file and line. `rota check` lists every mistake.",
    "TriggerError": "Correct the argument in `field`. `rota preview` shows what a trigger means.",
    "TaskLimitError": "Raise `manager.max_tasks`, or remove tasks that are no longer needed.",
    "ArgumentError": "Pass what the function's annotations ask for; `name` is the parameter.",
    "TaskFileError": "Correct the file at the named line. Other task files are not affected.",
    "UnknownTaskError": "Compare the id with `rota ls`. The error names the nearest id.",
    "UnknownRunError": "Compare the id with `rota runs`. Ended runs are deleted after `manager.retention_days`.",
    "UnknownWindowError": "Compare the id with `rota windows`; those of the configuration have none.",
    "UnknownNodeError": "Compare the id or the name with `rota nodes`. The error names the nearest name.",
    "StateError": "Look at the task or run (`rota show`, `rota runs`): it is in another state than the call needs.",
    "NotRunningError": "Call `current_run()` only inside a task. In a test, call the function through a harness.",
    "NodeGoneError": "Nothing: the node joins again by itself. If it recurs, look for a process that is frozen or"
    " starved, or raise `manager.lease_seconds`.",
    "UnstartableError": "Make the function accept the stored arguments again, then retry the run.",
    "RunFailedError": "Look at the run: `rota logs ID` has its log; `state` and the text say how it ended.",
    "ResultError": "Return JSON, or nothing. The work itself was done; the run is not repeated.",
    "CommandError": "Look at the run's log for the program's output; `codes=` names further exit codes that mean"
    " success.",
    "EngineError": "Check that the broker at `cluster.broker_url` is up. rota tries again by itself.",
    "LedgerError": "Read the message; `rota doctor` looks at the ledger.",
    "LedgerUnavailableError": "Make the database or the disk available again. A running node continues by itself; a"
    " start has to be repeated.",
    "LedgerValueError": "Remove the named value: a text with a NUL character, or a number that is too large.",
    "LedgerCorruptError": "Stop rota and restore a backup. The file was not changed.",
    "LedgerNewerError": "Install the release that wrote the ledger, or a newer one.",
    "Mistakes": "Correct each of `errors`; they are in the order of their places.",
}
"""What to do about each error; a class without an entry ends the generation."""

WIDTH = 100
"""Columns of the help of a command."""


def errors_page() -> str:
    """Return the page of every error class with its cause and its remedy."""
    lines = [
        GENERATED,
        "# Errors\n",
        "Every error that rota raises on purpose is one of these classes of `rota.errors`. Each has three texts: `what`"
        " went wrong, `where` (file, line, key or parameter; may be empty) and the `remedy`. On the command line the"
        " exit code is 2; over REST the same three texts are in a problem document.\n",
        "| error | kind of | cause | remedy |",
        "|---|---|---|---|",
    ]
    classes = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.RotaError)
    ]
    for one in classes:
        [base] = one.__bases__
        kind = "" if base is Exception else f"`{base.__name__}`"
        cause = " ".join((one.__doc__ or "").split())
        lines.append(f"| `{one.__name__}` | {kind} | {_cell(cause)} | {REMEDIES[one.__name__]} |")
    lines += [
        "\n## How REST reports them\n",
        "| status | when |",
        "|---|---|",
        "| 401 | there is no token, or it is not known |",
        "| 403 | the token has not the right, the request comes from a foreign page, or the feature is off |",
        "| 404 | `UnknownTaskError`, `UnknownRunError`, `UnknownWindowError`, `UnknownNodeError` |",
        "| 409 | `StateError`, `TaskLimitError` |",
        "| 413 | the body is larger than 1 MiB |",
        "| 421 | the host is not one of `manager.hosts` |",
        "| 422 | `DefinitionError` and its kinds, `Mistakes`; each mistake is in `errors` |",
        "| 429 | too many streams, or too many manual starts |",
        "| 503 | `LedgerError`: the ledger is unavailable |",
    ]
    return "\n".join(lines) + "\n"


def command_page() -> str:
    """Return the page of every command with its arguments and options."""
    from typer.main import get_command

    from rota.cli import main
    from rota.cli.commands import COMMANDS

    lines = [
        GENERATED,
        "# Command line\n",
        "Every command works on the project in the current directory. [How to use them](../howto/command-line.md)"
        " explains the exit codes, the times and the output for scripts.\n",
        "| command | does |",
        "|---|---|",
    ]
    lines += [f"| [`rota {name}`](#rota-{name}) | {text} |" for name, text in COMMANDS.items()]
    for name in COMMANDS:
        command: Any = get_command(main._app([name])).commands[name]  # type: ignore[attr-defined]
        context = command.context_class(command, info_name=f"rota {name}", terminal_width=WIDTH)
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        lines += [f"\n## `rota {name}`\n", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def rest_page() -> str:
    """Return the page of every request with its parameters, its body and its answer."""
    from rota import TaskManager
    from rota.config import Xcorecfg
    from rota.web.composition import build

    settings = Xcorecfg.model_validate({"manager": {"ledger_url": "memory://"}})
    document = build(TaskManager(settings), ()).openapi()
    lines = [
        GENERATED,
        "# REST API\n",
        "Every request, from the OpenAPI document that a node serves at `/manager/openapi.json`."
        " [How to use them](../howto/rest.md) shows them in use. An error is a problem document (RFC 9457):"
        " see [errors](errors.md#how-rest-reports-them).\n",
    ]
    for path, requests in document["paths"].items():
        for method, request in requests.items():
            lines += _request(f"{method.upper()} {path}", request)
    lines.append("\n## Models\n")
    for name, model in document["components"]["schemas"].items():
        lines += _model(name, model)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _request(title: str, request: dict[str, Any]) -> Iterator[str]:
    yield f"\n## `{title}`\n"
    yield f"{request.get('description', '')}\n"
    rows = [
        f"| `{one['name']}` | {one['in']} | {_type(one['schema'])} | {_cell(one.get('description', ''))} |"
        for one in request.get("parameters", [])
    ]
    if rows:
        yield from ("| parameter | in | type | means |", "|---|---|---|---|", *rows)
        yield ""
    body = request.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        yield f"Body: {_type(body['schema'])}\n"
    for status, answer in request["responses"].items():
        if status.startswith("2"):
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            yield f"Answers {status}{': ' + _type(schema) if schema else ''}.\n"


def _model(name: str, model: dict[str, Any]) -> Iterator[str]:
    yield f"\n### `{name}`\n"
    yield f"{model.get('description', '')}\n"
    if "enum" in model:
        yield f"One of {', '.join(f'`{one}`' for one in model['enum'])}.\n"
    fields = model.get("properties", {})
    if fields:
        yield from ("| field | type | means |", "|---|---|---|")
        for field, schema in fields.items():
            yield f"| `{field}` | {_type(schema)} | {_cell(schema.get('description', ''))} |"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    return str(schema.get("format") or schema.get("type") or "any JSON")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
