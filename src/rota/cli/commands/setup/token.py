"""`rota token`: create, list and revoke tokens, and print sign-in links."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from rota.cli import formatting, output, project
from rota.core.access import Right, Token
from rota.core.time import to_iso


class TokenAction(StrEnum):
    """The actions of `rota token`."""

    CREATE = "create"
    LS = "ls"
    REVOKE = "revoke"
    LINK = "link"


def command(
    action: Annotated[TokenAction, typer.Argument(help="The action.")],
    name: Annotated[str | None, typer.Argument(help="The token's name.")] = None,
    right: Annotated[Right, typer.Option(help="What it allows.")] = Right.OPERATE,
    days: Annotated[
        float | None, typer.Option(min=0.001, help="Days until it expires; default: never.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it is revoked; for the audit.")] = "",
    json: project.JsonOption = False,
    config: project.ConfigOption = None,
) -> None:
    """Create, list and revoke tokens for the API and the pages.

    `create NAME` prints a new token, once. `revoke NAME` ends it within a second. `link` prints
    a URL that signs one browser in, within ten minutes. Once a token exists, anonymous access
    stays disabled.
    """
    if name is None and action in (TokenAction.CREATE, TokenAction.REVOKE):
        raise formatting.UsageError(
            "a token needs a name.", where="NAME", remedy=f"For example: `rota token {action} ci`."
        )
    settings = project.load(config)
    with project.opened_manager(settings, discover=False) as manager:
        match action:
            case TokenAction.CREATE:
                lifetime = None if days is None else days * 86_400
                made = manager.create_token(name or "", right, lifetime=lifetime)
                _show(
                    {"name": made.token.name, "right": right, "token": made.secret}, json, "token"
                )
            case TokenAction.LINK:
                secret = manager.create_code(name or "link").secret
                host, port = settings.manager.host, settings.manager.port
                _show({"link": link(f"http://{host}:{port}/", secret)}, json, "link")
            case TokenAction.REVOKE:
                manager.revoke_token(name or "", reason=reason)
                output.say(f"{output.neutralise(name or '')} is revoked.")
            case TokenAction.LS:
                now = manager.services.clock.now()
                rows = [_row(token) for token in manager.tokens() if token.keeps(now)]
                if json:
                    output.json_lines(rows)
                else:
                    columns = ("name", "right", "made", "until")
                    output.table(
                        columns, [[str(row[key] or "") for key in columns] for row in rows]
                    )


def _show(values: dict[str, str], json: bool, word: str) -> None:
    if json:
        output.json_line(values, raw=True)  # the secret was requested, and is shown only this once
    else:
        output.say(values[word])


def _row(token: Token) -> dict[str, Any]:
    return {
        "name": token.name,
        "right": token.right,
        "made": to_iso(token.created_at),
        "until": None if token.expires_at is None or token.once else to_iso(token.expires_at),
        "session": token.once,
    }


def link(url: str, secret: str) -> str:
    """Return the URL that signs one browser in to the pages at `url`."""
    return f"{url}sign-in?code={secret}"
