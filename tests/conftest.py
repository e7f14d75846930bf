"""What holds after every test."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from rota.runtime import log_queue
from tests import forked

# Under `nohup` it is ignored, and processes that are to be ended by it would inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A crowded machine is slow, which says nothing of a strategy or of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _programs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """All workers note in one place which programs they have run as themselves."""
    base = tmp_path_factory.getbasetemp()
    forked.remember((base if worker_id == "master" else base.parent) / "programs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is slow first: begun last, it would keep all other workers waiting."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


PATIENCE = 90.0  # seconds; what ends, ends much sooner, but for a crowded machine


@pytest.fixture(autouse=True)
def _no_thread_of_ours_is_left() -> Iterator[None]:
    """Whatever a test started has ended: the next one starts from nothing."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + PATIENCE
    while left := _ours(before):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.01)


def _ours(before: set[threading.Thread]) -> list[str]:
    new = set(threading.enumerate()) - before
    return [thread.name for thread in new if thread.name.startswith("rota-")]


class _Caplog(pytest.LogCaptureFixture):  # type: ignore[misc]  # for pytest it is final
    """Looks at records after those of the engine have come from their own thread."""

    @property
    def records(self) -> list[logging.LogRecord]:
        log_queue.flush(PATIENCE)
        return super().records

    @property
    def text(self) -> str:
        log_queue.flush(PATIENCE)
        return super().text


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Capture what is logged, by the engine as well."""
    caplog.__class__ = _Caplog
    yield caplog
    log_queue.flush(PATIENCE)  # what comes later would be another test's
