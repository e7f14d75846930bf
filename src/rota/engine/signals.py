"""The signals within one node, by name: the sender of each, its thread, and its listeners."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, ParamSpec

from rota.core.time import Instant
from rota.logs import queued

if TYPE_CHECKING:
    from rota.core.outcome import Outcome
    from rota.core.ports.executor import AttemptSpec
    from rota.core.ports.records import StoredTask
    from rota.core.ports.windows import OpenedWindow
    from rota.engine.running.in_flight import InFlightRun
    from rota.engine.running.reporter import RunReporter
    from rota.scheduling import DueTask

P = ParamSpec("P")

logger = queued("rota.node")


class Signal(Generic[P]):
    """One kind of event; its listeners are called at once, on the thread that sends it.

    Listeners are connected while the node is built, before anything runs, so `send` takes no lock.
    """

    __slots__ = ("_listeners", "name")

    def __init__(self) -> None:
        self.name = ""  # its name among the signals of the node
        self._listeners: tuple[Callable[P, object], ...] = ()

    def __len__(self) -> int:
        return len(self._listeners)

    def connect(self, listener: Callable[P, object]) -> None:
        """Call `listener` whenever the signal is sent; it must be quick, and must not wait."""
        self._listeners = (*self._listeners, listener)

    def send(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call the listeners in the order in which they were connected; never raises.

        If a listener raises, that is logged and the next one is called: a failure in one part of
        the node must not end another.
        """
        for listener in self._listeners:
            try:
                listener(*args, **kwargs)
            except Exception:
                logger.exception("A listener of the signal %s raised", self.name)


@dataclass(frozen=True, slots=True)
class NodeSignals:
    """Every signal of one node. A part that listens connects itself in its constructor."""

    tasks_due: Signal[list[DueTask]] = field(default_factory=Signal)
    """Tasks have an instant that comes within the lead. Sent by the ticking clock, on its own
    thread, within the tick. The planner listens."""

    runs_available: Signal[Instant | None] = field(default_factory=Signal)
    """There may be runs to claim: now (None), or from an instant on. Sent by the recorder (a slot
    is free, a retry was written), the reaper (runs were taken over), the change poller (another
    process wrote) and the inbox (a run was delivered), on the service loop. The dispatcher listens.
    """

    attempts_taken: Signal[Sequence[InFlightRun]] = field(default_factory=Signal)
    """Attempts have their slots and are about to start. Sent by the launcher, on the service loop,
    before any of them starts. The timeout enforcer listens."""

    output_waiting: Signal[RunReporter] = field(default_factory=Signal)
    """An attempt has unwritten output. Sent by its reporter, on the attempt's thread, once until
    the next flush. The log flusher listens.
    """

    attempt_ended: Signal[AttemptSpec, Outcome] = field(default_factory=Signal)
    """An attempt has ended. Sent by the executors, on any thread, and on the service loop by the
    launcher (it cannot start) and the timeout enforcer (it was given up). The recorder listens."""

    attempt_given_up: Signal[InFlightRun] = field(default_factory=Signal)
    """An attempt did not stop and is stuck. Sent by the timeout enforcer, on the service loop. The
    heartbeat listens: other nodes must not start the task meanwhile.
    """

    ends_recorded: Signal[Collection[str]] = field(default_factory=Signal)
    """The ends of these runs' attempts are durable, or were refused. Sent by the recorder, on the
    service loop. The inbox listens: their messages are done."""

    cancellations_requested: Signal[Mapping[str, str]] = field(default_factory=Signal)
    """The ledger asks to cancel these runs: run id → reason. Sent by the heartbeat and the change
    poller, on the service loop, also for runs that are not on this node. The timeout enforcer
    listens."""

    declared_gone: Signal[[]] = field(default_factory=Signal)
    """Other nodes took this node's runs over. Sent by the heartbeat, on the service loop, before it
    joins under a new id. The timeout enforcer (which stops every attempt) and the inbox listen."""

    beat_prepared: Signal[dict[str, Any]] = field(default_factory=Signal)
    """The node is about to describe itself to the others. Sent by the heartbeat, on the service
    loop, with an empty dictionary, into which each listener writes what it knows. The node and its
    health listen."""

    task_changed: Signal[StoredTask] = field(default_factory=Signal)
    """The ledger has a newer revision of a task. Sent by the change poller, on the service loop.
    Task sync listens."""

    tasks_paused: Signal[[]] = field(default_factory=Signal)
    """The ledger may have paused tasks for their crashes or failures. Sent by the recorder and the
    reaper, on the service loop. The change poller listens: it reads at once."""

    windows_read: Signal[Sequence[OpenedWindow]] = field(default_factory=Signal)
    """The windows that were opened manually, as the ledger has them. Sent by the change poller, on
    the service loop. Window sync listens."""

    delays_outdated: Signal[[]] = field(default_factory=Signal)
    """There may be runs that wait for an end of a window that has moved: they were written
    meanwhile, or their task was registered or edited. Sent by the planner and task sync, on the
    service loop. Window sync listens."""

    clock_set_back: Signal[Instant] = field(default_factory=Signal)
    """The node's clock was ahead and was set back; it reads this instant or later. Sent by the
    watchdog, on the service loop. Task sync listens."""

    look_again: Signal[[]] = field(default_factory=Signal)
    """The time has changed: look at everything that waits for an instant. Sent by the watchdog (the
    clock was set), task sync (it was set back, and that is written) and `Node.poke`, on any thread.
    The ticking clock, the dispatcher, the timeout enforcer and the heartbeat listen.
    """

    def __post_init__(self) -> None:
        for one in fields(self):
            getattr(self, one.name).name = one.name
