"""Capturing what is logged and printed."""

from __future__ import annotations

import io
import logging
import logging.config
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any

import pytest

from rota.core.ports.executor import AttemptSpec
from rota.executors.executions import Attempts, Execution
from rota.task_api import output_capture
from rota.task_api.current_run import CurrentRun, close, enter

log = logging.getLogger("tests.capture")


class Reporter:
    """Remembers lines; may log or print itself."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.echo = False

    def log(self, level: str, logger: str, text: str) -> None:
        self.lines.append((level, text))
        if self.echo:
            log.warning("written: %s", text)
            print("written")  # noqa: T201

    def progress(self, done: float, total: float | None, note: str) -> None: ...

    def checkpoint(self, value: Any) -> None: ...

    def remember(self, key: str, value: Any) -> None: ...

    def moment(self, name: str) -> None: ...
    def upstream(self) -> Any: ...


@contextmanager
def installed() -> Iterator[None]:
    output_capture.install()
    try:
        yield
    finally:
        output_capture.uninstall()


def call(func: Any, reporter: Reporter) -> AttemptSpec:
    return AttemptSpec("R", "t", 1, None, func, "", None, (), {}, None, {}, reporter)


def captured(func: Any, reporter: Reporter | None = None) -> list[tuple[str, str]]:
    """Call a function as a run and return the lines that its reporter got."""
    reporter = reporter or Reporter()
    run = CurrentRun(call(func, reporter))

    def body() -> None:
        enter(run)
        func()
        close(run)

    Context().run(body)
    return reporter.lines


def speak() -> None:
    log.warning("logged %d", 1)
    print("printed")  # noqa: T201
    print("complained", file=sys.stderr)  # noqa: T201
    sys.stdout.writelines(["a", "b\n"])


SPOKEN = [
    ("WARNING", "logged 1"),
    ("STDOUT", "printed"),
    ("STDERR", "complained"),
    ("STDOUT", "ab"),
]


def test_what_a_run_says_is_captured_and_goes_its_way(capsys: pytest.CaptureFixture[str]) -> None:
    with installed():
        assert captured(speak) == SPOKEN
    assert capsys.readouterr() == ("printed\nab\n", "complained\n")


def test_output_outside_of_a_run_is_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    with installed():
        speak()
        assert sys.stdout.encoding.lower() == "utf-8"
        assert sys.stdout.fileno
    assert capsys.readouterr() == ("printed\nab\n", "complained\n")


def test_without_writing_through_the_run_alone_gets_it(capsys: pytest.CaptureFixture[str]) -> None:
    output_capture.install(write_through=False)
    try:
        assert captured(speak) == SPOKEN
        print("outside")  # noqa: T201
    finally:
        output_capture.uninstall()
    assert capsys.readouterr() == ("outside\n", "")


def test_output_capture_is_counted_and_restored() -> None:
    streams, handlers = (sys.stdout, sys.stderr), list(logging.getLogger().handlers)
    output_capture.uninstall()
    for _ in range(2):
        output_capture.install()
    output_capture.uninstall()
    assert captured(speak) == SPOKEN
    output_capture.uninstall()
    assert (sys.stdout, sys.stderr) == streams
    assert logging.getLogger().handlers == handlers
    assert captured(speak) == []


def test_a_stream_that_other_code_installed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = io.StringIO()
    with installed(), monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", theirs)
        output_capture.uninstall()
        assert sys.stdout is theirs
        output_capture.install()


def test_no_stream_at_all_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with installed():
        assert sys.stderr is None
        assert captured(lambda: print("a")) == [("STDOUT", "a")]  # noqa: T201
    assert sys.stderr is None


@contextmanager
def console(logger: logging.Logger) -> Iterator[None]:
    handler = logging.StreamHandler(sys.stderr)  # as it is now: ours
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize("name", ["root", "tests", "tests.capture"])
def test_a_console_handler_does_not_double_a_record(name: str) -> None:
    with installed(), console(logging.getLogger(name)):
        assert captured(lambda: log.warning("once")) == [("WARNING", "once")]


def test_without_writing_through_a_console_handler_writes_nothing_of_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output_capture.install(write_through=False)
    try:
        with console(log):
            assert captured(lambda: log.warning("once")) == [("WARNING", "once")]
    finally:
        output_capture.uninstall()
    assert capsys.readouterr() == ("", "")


def test_what_a_logger_keeps_to_itself_is_captured_from_its_console(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log, "propagate", False)
    with installed(), console(log):
        assert captured(lambda: log.warning("once")) == [("STDERR", "once")]


def test_what_the_reporter_says_is_not_captured() -> None:
    reporter = Reporter()
    reporter.echo = True
    with installed():
        assert captured(speak, reporter) == SPOKEN


def test_an_exception_comes_with_its_traceback() -> None:
    def fail() -> None:
        try:
            raise ValueError("inner")
        except ValueError:
            log.exception("outer")

    with installed():
        [(level, text)] = captured(fail)
    assert level == "ERROR"
    assert text.startswith("outer\nTraceback")


def test_wrong_arguments_for_a_message_are_captured_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # pytest's own would raise
    with installed():
        [(_, text)] = captured(lambda: log.warning("%d apples", "no"))
    assert text.startswith("'%d apples' ('no',) (TypeError")


@contextmanager
def own_root() -> Iterator[logging.Logger]:
    """The root logger as Python starts with it, to be configured at will."""
    root = logging.getLogger()
    handlers, level, propagate = root.handlers, root.level, root.propagate
    root.handlers = []
    try:
        yield root
    finally:
        root.handlers, root.propagate = handlers, propagate
        root.setLevel(level)


def by_dict(**root: Any) -> None:
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, **root})


CONFIGURED: list[Callable[[], Any]] = [
    lambda: logging.basicConfig(force=True),
    lambda: by_dict(root={"handlers": []}),
    lambda: by_dict(loggers={"": {"level": "INFO"}}),
    lambda: setattr(logging.getLogger(), "handlers", []),
]


@pytest.mark.parametrize("configure", CONFIGURED)
def test_a_run_that_configures_logging_keeps_its_log(configure: Callable[[], Any]) -> None:
    def body() -> None:
        configure()
        log.warning("logged after")

    with own_root(), installed():
        assert captured(body) == [("WARNING", "logged after")]
        assert captured(speak) == SPOKEN


def test_an_attempt_begins_with_a_root_logger_that_passes_records_on() -> None:
    with own_root(), installed():
        by_dict(loggers={"": {"propagate": False}})
        Attempts[Execution]().begin(Execution(call(speak, Reporter()), lambda *_: None))
        assert captured(speak) == SPOKEN


def test_a_plain_set_up_leaves_a_captured_process_alone() -> None:
    with own_root() as root:
        with installed():
            logging.basicConfig(level=logging.CRITICAL)
            assert captured(speak) == SPOKEN
        assert root.handlers == []


class _Gone(io.StringIO):
    """A console that is no longer there."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")

    def flush(self) -> None:
        raise OSError(5, "Input/output error")


def test_a_console_that_is_gone_fails_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for console in (_Gone(), closed, io.TextIOWrapper(io.BytesIO(), encoding="ascii")):
        monkeypatch.setattr(sys, "stdout", console)
        with installed():
            lines = captured(lambda: print("süß", flush=True))  # noqa: T201
        assert ("STDOUT", "süß") in [(level, text.strip()) for level, text in lines]


def test_a_closed_console_still_raises_outside_of_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", _Gone())
    with installed(), pytest.raises(OSError, match="Input/output"):
        print("x")  # noqa: T201


SAID = [
    ("password=hunter2 next", "hunter2"),
    ("the db_password = 'hunter 2' next", "hunter 2"),
    ('{"api_key": "hunter2", "n": 1}', "hunter2"),
    ("redis://ada:hunter2@host:6379/0", "hunter2"),
    ("Authorization: Bearer hunter2", "hunter2"),
    (f"sent rota_{'a' * 26}_{'b' * 43} to them", "b" * 43),
]


@pytest.mark.parametrize(("line", "secret"), SAID)
def test_a_secret_is_masked_on_the_console_however_its_line_is_cut(
    line: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*parts: str) -> str:
        for part in parts:
            sys.stdout.write(part)
        sys.stdout.write("\n")
        return capsys.readouterr().out

    def body() -> None:
        assert "***" in printed(line)
        for cut in range(1, len(line)):
            shown = printed(line[:cut], line[cut:])
            place = max(cut - line.index(secret), 0)
            for half in (secret[:place], secret[place:]):
                assert len(half) < 3 or half not in shown, (shown, cut)
            assert "***" in shown
        assert secret[1:] not in printed(*line)  # as json.dump writes

    with installed():
        captured(body)


def test_two_runs_that_print_by_turns_give_no_secret_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, other = (CurrentRun(call(speak, Reporter())) for _ in range(2))

    def say(run: CurrentRun, text: str) -> None:
        enter(run)
        print(text, end="")  # noqa: T201

    with installed():
        for run, text in [(one, "password="), (other, "token="), (one, "hunter2"), (other, "tr")]:
            Context().run(say, run, text)
    assert capsys.readouterr().out == "password=token=******"


def test_a_secret_far_into_an_unfinished_line_is_masked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def body() -> None:
        for part in (*["."] * 5_000, "password=", "hunter2", *["."] * 10, " ", "open", "\n"):
            sys.stdout.write(part)

    with installed():
        captured(body)
    assert capsys.readouterr().out == "." * 5_000 + "password=*** open\n"


def test_addresses_and_ports_stay_readable_on_the_console(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for text in ("see http://localhost:8080", "at https://a.example/x?y=1", "rota_files are here"):
        with installed():
            captured(lambda text=text: print(text))  # noqa: T201
        assert capsys.readouterr().out == f"{text}\n"
