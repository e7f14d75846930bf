"""Records of the engine reach the handlers from a thread of their own, whatever these do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from rota.diagnosis import thresholds
from rota.diagnosis.vitals import of_log
from rota.runtime import engine_threads, log_notes, log_queue
from rota.testing import eventually

LOGGER = logging.getLogger("rota.handed")


class Kept(logging.Handler):
    """Keeps records; does `first` for each before."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.first: Callable[[], object] = lambda: None

    def emit(self, record: logging.LogRecord) -> None:
        self.first()
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    log_queue.flush(30)
    yield handler
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(logging.NOTSET)
    LOGGER.propagate = True
    log_queue.flush(30)
    log_queue.queued("rota.handed").error("so that the next test begins in good order")
    log_queue.flush(30)


def test_a_record_says_when_where_and_on_which_thread_it_was_made(kept: Kept) -> None:
    before = time.time()
    log_queue.queued("rota.handed").warning("%s of %d", "one", 2)
    after = time.time()
    assert log_queue.flush(30)
    [record] = kept.records
    assert record.getMessage() == "one of 2"
    assert record.threadName == threading.current_thread().name
    assert record.thread == threading.get_ident()
    assert before - 0.05 <= record.created <= after + 0.05
    assert (record.filename, record.funcName) == ("test_log_queue.py", _NAME)


_NAME = "test_a_record_says_when_where_and_on_which_thread_it_was_made"


def test_the_level_is_that_of_the_logger(kept: Kept) -> None:
    log_queue.queued("rota.handed").debug("too little")
    LOGGER.setLevel(logging.ERROR)
    log_queue.queued("rota.handed").warning("too little now")
    log_queue.queued("rota.handed").error("enough")
    log_queue.flush(30)
    assert [record.getMessage() for record in kept.records] == ["enough"]


def test_an_exception_comes_with_its_traceback(kept: Kept) -> None:
    try:
        raise ValueError("this")
    except ValueError:
        log_queue.queued("rota.handed").exception("It failed")
    log_queue.flush(30)
    assert kept.records[0].exc_info is not None
    assert "ValueError: this" in logging.Formatter().format(kept.records[0])


def trouble() -> str:
    found = of_log(log_queue.delivery())
    return "" if found is None else found.text


def test_what_a_handler_raises_is_counted_and_told_once_it_works(kept: Kept) -> None:
    def fail() -> None:
        raise SystemExit("no")

    lost, logger, told = log_queue.lost(), log_queue.queued("rota.handed"), Kept()
    kept.first = fail
    logger.info("one")
    logger.info("two")
    log_queue.flush(30)
    assert log_queue.lost() == lost + 2
    assert "raises SystemExit (no)" in trouble()
    assert __file__ in trouble()
    kept.first = lambda: None
    logging.getLogger("rota.logs").addHandler(told)
    try:
        logger.info("three")
        log_queue.flush(30)
        assert trouble() == ""
        assert [record.getMessage() for record in kept.records] == ["three"]
        log_queue.flush(30)
        assert ["2 log records were dropped" in one.getMessage() for one in told.records] == [True]
    finally:
        logging.getLogger("rota.logs").removeHandler(told)


def test_a_log_handler_that_hangs_blocks_no_task_and_is_named(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queue, "MOST", 10)
    monkeypatch.setattr(thresholds, "LOG_HELD", 0.05)
    released, lost = threading.Event(), log_queue.lost()

    def wait() -> None:
        released.wait()

    kept.first = wait
    logger = log_queue.queued("rota.handed")
    for number in range(30):
        logger.info("%d", number)
    assert not log_queue.flush(0.01)
    eventually(lambda: "has held one record" in trouble())
    assert __file__ in trouble()
    assert log_queue.lost() >= lost + 15
    released.set()
    assert log_queue.flush(30)
    assert trouble() == ""


def test_more_records_than_the_handlers_take_are_dropped_and_counted(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queue, "MOST", 5)
    released, logger = threading.Event(), log_queue.queued("rota.handed")
    kept.first = released.wait
    for number in range(10):
        logger.info("%d", number)
    assert "come faster" in trouble()
    released.set()
    log_queue.flush(30)
    assert len(kept.records) in (5, 6)


def test_what_libraries_log_on_a_thread_of_ours_is_handed_over_too(kept: Kept) -> None:
    def fail() -> None:
        raise ValueError("no")

    kept.first = fail
    with engine_threads.own_thread():
        LOGGER.info("this raises nothing here")
    log_queue.flush(30)
    assert "ValueError" in trouble()


def test_on_other_threads_logging_is_what_it_was(kept: Kept) -> None:
    def outer() -> None:
        LOGGER.warning("from %s", "elsewhere", stacklevel=2)

    with engine_threads.own_thread():
        other = threading.Thread(target=lambda: LOGGER.info("here"), name="other")
        other.start()
        other.join()
        second = threading.Thread(target=outer)
        second.start()
        second.join()
    first, last = kept.records
    assert first.filename == "test_log_queue.py"
    assert first.threadName == "other"
    assert last.filename == "threading.py"  # two up, as without us


def test_a_place_on_a_thread_of_ours_is_the_callers(kept: Kept) -> None:
    with engine_threads.own_thread():
        LOGGER.info("from here")
    log_queue.flush(30)
    assert kept.records[0].filename == "test_log_queue.py"


def test_how_a_task_failed_comes_with_its_exception_and_the_text_of_its_traceback(
    kept: Kept,
) -> None:
    key = log_notes.keep(_raised())
    logger = log_queue.queued("rota.handed")
    logger.log_end(logging.ERROR, "%s failed", "tick", cause=key, trace="Traceback: as kept, 100 %")
    logger.log_end(logging.ERROR, "%s failed", "tock", cause=None, trace="Traceback: a text, 100 %")
    log_queue.flush(30)
    live, text = kept.records
    assert live.exc_info is not None and isinstance(live.exc_info[1], ValueError)
    assert live.getMessage() == "tick failed"
    assert logging.Formatter().format(live) == "tick failed\nTraceback: as kept, 100 %"
    assert text.exc_info is None
    assert text.getMessage() == "tock failed\nTraceback: a text, 100 %"


def test_of_exceptions_no_more_are_kept_than_records_can_tell_of(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_notes, "KEPT_FOR", 0.0)
    keys = [log_notes.keep(ValueError(str(number))) for number in range(log_notes.MOST_KEPT + 5)]
    assert keys[-1] is None
    log_queue.queued("rota.handed").error("so that they are let go")
    log_queue.flush(30)
    assert log_notes.keep(ValueError("now")) is not None


def _raised() -> ValueError:
    try:
        raise ValueError("this")
    except ValueError as error:
        return error
