"""Running a node from its start to the exit code, for the commands of all roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli import lifetime, output
from rota.cli.commands.setup.token import link
from rota.cli.descriptors import raise_limit
from rota.cli.orphans import step_aside
from rota.config import Xcorecfg
from rota.core.role import Role
from rota.logs import queued, setup_logging
from rota.manager import Manager, TaskManager
from rota.runtime.daemon_threads import start_in_thread
from rota.runtime.gc_control import loading

if TYPE_CHECKING:
    from rota.web.server import Server

_logger = queued("rota.up")
_LOOK = 0.5  # seconds between two refreshes of the live view
_QUICK = 0.5  # seconds within which most managers have started

HostOption = Annotated[
    str | None, typer.Option(help="The address to listen on; default: manager.host.")
]
PortOption = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="The port; default: manager.port; 0: any free one."),
]


def run(
    config: Xcorecfg,
    role: Role,
    *,
    host: str | None = None,
    port: int | None = None,
    listens: bool = True,
    live: bool = False,
) -> None:
    """Run a node of the project until a signal stops it.

    SIGTERM and Ctrl-C stop it: running tasks get manager.shutdown_grace seconds, then they are
    cancelled and handed back. A second signal stops it immediately. Exits with 0 if all attempts
    ended by themselves, otherwise 1.
    """
    step_aside()
    raise_limit()
    manager = TaskManager(config)
    Manager.use(manager)  # task files may add tasks to the manager of the process
    look = None
    with ExitStack() as stack:
        signals = stack.enter_context(lifetime.signals())
        with suppress(KeyboardInterrupt):  # a signal during the start
            # Before logging is set up, so that log lines appear above the view.
            show = stack.enter_context(_view()) if live and output.on_terminal() else None
            setup_logging(**manager.config.logging_options())
            server = _start(manager, role, stack, signals, (host, port) if listens else None)
            signals.starting = False
            url = server.url if server else ""
            look = None if show is None else lambda: show(manager, url)
        clean = lifetime.wait_and_stop(manager, signals, look, _LOOK)
    lifetime.end(0 if clean else 1)


def _start(
    manager: TaskManager,
    role: Role,
    stack: ExitStack,
    signals: lifetime.Signals,
    address: tuple[str | None, int | None] | None,
) -> Server | None:
    """Load the tasks, listen and start; a port in use is reported before anything starts."""
    discovers, server = manager.config.manager.auto_discover, None
    stack.callback(manager.shutdown)
    with loading():
        if address is not None:
            from rota.web import serve

            server = serve(manager, *address)
        if discovers:
            _report(manager)
    _take_back(signals)
    if server is not None:
        stack.callback(server.stop)
        server.listen()
    _start_manager(manager, role, signals, server)
    if discovers:
        stack.enter_context(_watching(manager))
    if server is not None:
        stack.callback(server.leave)  # in parallel with stopping the watchers, which takes as long
    name = "" if role is Role.ALL else f" {role}"
    output.say(f"rota{name} is up{f': {server.url}' if server else ''}")
    if server is not None and _needs_link(manager):
        code = manager.create_code("first start")
        output.say(f"Sign in once, within ten minutes: {link(server.url, code.secret)}")
    output.flush()
    if server is not None:
        with signals.put_off():
            server.start()  # last: the pages are a third of the code, and no task needs them
    return server


def _start_manager(
    manager: TaskManager, role: Role, signals: lifetime.Signals, server: Server | None
) -> None:
    """Start the manager; the pages start afterwards, unless the ledger makes the manager wait.

    In that case they start first, because `/health` must show the reason.
    """
    start = partial(copy_context().run, manager.start, role=role)
    starting = start_in_thread(start, "rota-start")
    if server is not None:
        with suppress(TimeoutError):
            starting.exception(_QUICK)
        if not starting.done():
            with signals.put_off():
                server.start()
    starting.result()


def _needs_link(manager: TaskManager) -> bool:
    """Return whether no user can sign in yet: access needs a token, and there is none.

    A session counts as a token.
    """
    now = manager.services.clock.now()
    anybody = any(token.keeps(now) for token in manager.tokens())
    return manager.config.manager.access == "token" and not anybody


def _report(manager: TaskManager) -> None:
    """Load the task files and log the errors in them; valid tasks are kept."""
    manager.discover()
    _log_mistakes(manager)


def _take_back(signals: lifetime.Signals) -> None:
    """Reinstall our handlers of signals that a task file has caught, and log it."""
    if lost := signals.take_back():
        _logger.warning(
            "%s: a task file has set its own handler; it is not called: this signal stops rota",
            ", ".join(lost),
        )


def _log_mistakes(manager: TaskManager) -> None:
    for error in manager.file_errors:
        _logger.error("%s", output.sentence(error))


@contextmanager
def _watching(manager: TaskManager) -> Iterator[None]:
    """Reload task files when they change."""
    from rota.discovery import Watcher

    def reload(_: object) -> None:
        before = state()
        manager.discover()
        if state() != before:
            _log_mistakes(manager)
            _logger.info("Task files reloaded: %d tasks", len(manager.services.engine.registry))

    def state() -> tuple[str, list[str]]:
        return manager.services.engine.identity.generation, list(map(str, manager.file_errors))

    project = manager.services.project
    watchers = [Watcher(project / one, reload) for one in manager.config.manager.tasks_directories]
    with ExitStack() as stack:
        for watcher in watchers:
            watcher.start()
            stack.callback(watcher.stop)
        yield


@contextmanager
def _view() -> Iterator[Callable[[TaskManager, str], None]]:
    """Show a live view at the bottom of the terminal, below the log lines."""
    from rich.console import Console
    from rich.live import Live

    from rota.cli.live_view import render, take

    def show(manager: TaskManager, url: str) -> None:
        live.update(render(take(manager, url)), refresh=True)

    with Live(console=Console(), auto_refresh=False, transient=True) as live:
        yield show
