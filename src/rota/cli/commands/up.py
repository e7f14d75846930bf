"""`rota up`: schedule and run the tasks of this project until told to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli import life, output, project
from rota.cli.commands.token import link
from rota.logs import get_logger, setup_logging
from rota.manager import Manager, TaskManager

if TYPE_CHECKING:
    from rota.web.server import Server

_logger = get_logger("rota.up")
_LOOK = 0.5  # seconds between two pictures of the live view


def command(
    config: project.ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Where the pages listen; manager.host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Their port; 0: any free one.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines, no live view.")] = False,
) -> None:
    """Run the project in this directory: plan, run and record its tasks, serve its pages.

    SIGTERM and Ctrl-C stop it: running tasks get manager.shutdown_grace seconds, then they are
    cancelled and handed back; a second signal means now. Exits with 0 when all ended by
    themselves, else 1.
    """
    manager = TaskManager(project.load(config))
    Manager.use(manager)  # task files may add tasks to the process's own
    look = None
    with ExitStack() as stack:
        signals = stack.enter_context(life.signals())
        with suppress(KeyboardInterrupt):  # told to stop while it starts
            # Before logging is set up, so that log lines go above the view.
            show = stack.enter_context(_view()) if not plain and output.on_terminal() else None
            setup_logging(**manager.config.logging_options())
            server = _start(manager, host, port, stack)
            signals.starting = False
            look = None if show is None else lambda: show(manager, server.url)
        clean = life.wait_and_stop(manager, signals, look, _LOOK)
    life.end(0 if clean else 1)


def _start(manager: TaskManager, host: str | None, port: int | None, stack: ExitStack) -> Server:
    """Load the tasks, listen and begin; a port that is taken is told before anything starts."""
    from rota.web import serve

    discovers = manager.config.manager.auto_discover
    stack.callback(manager.shutdown)
    server = serve(manager, host, port)
    if discovers:
        _report(manager)
    stack.callback(server.stop)
    server.start()
    manager.start()
    if discovers:
        stack.enter_context(_watching(manager))
    output.say(f"rota is up: {server.url}")
    if _needs_link(manager):
        code = manager.create_code("first start")
        output.say(f"Sign in within ten minutes, once: {link(server.url, code.secret)}")
    output.flush()
    return server


def _needs_link(manager: TaskManager) -> bool:
    """Say whether nobody can come in yet: there is neither a token nor a session, and without one
    nobody is let in."""
    now = manager.services.clock.now()
    anybody = any(token.keeps(now) for token in manager.tokens())
    return manager.config.manager.access == "token" and not anybody


def _report(manager: TaskManager) -> None:
    """Load the task files and log what is wrong with them; what is right goes on."""
    for error in manager.discover().errors:
        _logger.error("%s", output.sentence(error))


@contextmanager
def _watching(manager: TaskManager) -> Iterator[None]:
    """Load task files again when they change."""
    from rota.discovery import Watcher

    def reload(_: object) -> None:
        _report(manager)
        _logger.info("Task files loaded again: %d tasks", len(manager.services.engine.registry))

    watcher = Watcher(manager.services.project / manager.config.manager.tasks_directory, reload)
    watcher.start()
    try:
        yield
    finally:
        watcher.stop()


@contextmanager
def _view() -> Iterator[Callable[[TaskManager, str], None]]:
    """Show a live view at the end of the terminal, below the log lines."""
    from rich.console import Console
    from rich.live import Live

    from rota.cli.live import render, take

    def show(manager: TaskManager, url: str) -> None:
        live.update(render(take(manager, url)), refresh=True)

    with Live(console=Console(), auto_refresh=False, transient=True) as live:
        yield show
