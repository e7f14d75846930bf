"""`get_logger` and `setup_logging`: levels, lines, files."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.errors import ConfigError
from rota.logs import LineFormatter, get_logger, setup_logging

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z \| (?P<level>\w+) \| (?P<logger>.+?) \| (?P<text>.*)"
)


class Capture(logging.Handler):
    """A handler on the root logger, as a run's log has one."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture(autouse=True)
def bare_root() -> Iterator[logging.Logger]:
    """The root logger as a bare script finds it; put back afterwards."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.setLevel(logging.WARNING)
    root.handlers[:] = []
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


class Stderr:
    """What was written to stderr so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def getvalue(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Stderr:
    return Stderr(capsys)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A logger name that no other test has."""
    return f"tasks_{request.node.name}"


def test_get_logger_configures_nothing(name: str, bare_root: logging.Logger) -> None:
    before = bare_root.handlers[:]
    assert get_logger(name) is logging.getLogger(name)
    assert bare_root.handlers == before
    assert bare_root.level == logging.WARNING


def test_info_reaches_a_handler_on_root_before_any_set_up(
    name: str, bare_root: logging.Logger
) -> None:
    capture = Capture()
    bare_root.addHandler(capture)
    get_logger(name).info("Starting")
    assert capture.texts == ["Starting"]


def test_a_level_that_someone_chose_is_left_alone(name: str, bare_root: logging.Logger) -> None:
    logging.getLogger(name).setLevel(logging.ERROR)
    assert get_logger(f"{name}.child").getEffectiveLevel() == logging.ERROR
    bare_root.setLevel(logging.DEBUG)
    assert get_logger(f"{name}_other").getEffectiveLevel() == logging.DEBUG
    assert get_logger("root").level == logging.DEBUG


def test_a_set_up_rules_over_loggers_taken_before_it(name: str, stderr: Stderr) -> None:
    logger = get_logger(name)
    setup_logging("DEBUG")
    logger.debug("seen")
    setup_logging("ERROR")
    logger.info("not on the console")
    assert [match["text"] for match in LINE.finditer(stderr.getvalue())] == ["seen"]


def test_a_runs_log_keeps_info_where_the_console_shows_less(
    name: str, stderr: Stderr, bare_root: logging.Logger
) -> None:
    setup_logging("ERROR")
    capture = Capture()
    bare_root.addHandler(capture)
    get_logger(name).info("for the run")
    assert capture.texts == ["for the run"]
    assert stderr.getvalue() == ""


def test_setting_up_twice_doubles_nothing(name: str, stderr: Stderr, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "down" / "app.log"
    for _ in range(3):
        setup_logging("INFO", file)
    get_logger(name).info("once")
    assert stderr.getvalue().count("once") == 1
    assert file.read_text().count("once") == 1


def test_the_line_has_time_level_logger_and_message(
    name: str, stderr: Stderr, tmp_path: Path
) -> None:
    setup_logging("INFO", tmp_path / "app.log")
    get_logger(name).warning("disk at %d %%", 91)
    match = LINE.fullmatch((tmp_path / "app.log").read_text().rstrip("\n"))
    assert match is not None
    assert match.group("level", "logger", "text") == ("WARNING", name, "disk at 91 %")


def test_colours_on_a_terminal_never_in_the_file(
    name: str, stderr: Stderr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    setup_logging("INFO", tmp_path / "app.log")
    get_logger(name).error("red")
    assert "\033[31mERROR\033[0m" in stderr.getvalue()
    assert "\033" not in (tmp_path / "app.log").read_text()
    monkeypatch.setenv("NO_COLOR", "1")
    setup_logging()
    get_logger(name).error("plain")
    assert "\033" not in stderr.getvalue().splitlines()[-1]


def test_no_message_can_forge_a_line(name: str, stderr: Stderr) -> None:
    setup_logging()
    forged = "2026-01-01 00:00:00.000Z | INFO | root | all is well"
    get_logger(name).info("a\n%s\r%s\u2028\x85\x1b[2J\x00 b", forged, forged)
    try:
        raise ValueError(f"c\n{forged}")
    except ValueError:
        get_logger(name).exception("failed")
    get_logger(f"{name}\n{forged}").info("d")
    lines = stderr.getvalue().splitlines()
    assert [line for line in lines if not line.startswith("    ")] == [
        line for line in lines if LINE.match(line) and f"| {name}" in line
    ]
    assert "\\r" in lines[1]
    assert "\\u2028\\x85\\x1b[2J\\x00 b" in lines[1]
    assert "    Traceback (most recent call last):" in lines


def test_the_file_is_rotated_by_size(name: str, stderr: Stderr, tmp_path: Path) -> None:
    setup_logging("INFO", tmp_path / "app.log", max_bytes=500, backup_count=2)
    for number in range(50):
        get_logger(name).info("line %d", number)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["app.log", "app.log.1", "app.log.2"]
    assert all(path.stat().st_size <= 500 for path in tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_a_warning(
    name: str, stderr: Stderr, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    setup_logging("INFO", tmp_path / "file" / "app.log")
    get_logger(name).info("goes on")
    assert "cannot be written" in stderr.getvalue()
    assert "goes on" in stderr.getvalue()


def test_text_that_is_no_utf8_does_not_break_the_file(
    name: str, stderr: Stderr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_logging("INFO", tmp_path / "app.log")
    # Not pytest's own: parallel runs cannot send what it would report of this.
    root = logging.getLogger()
    ours = [one for one in root.handlers if "_pytest" not in type(one).__module__]
    monkeypatch.setattr(root, "handlers", ours)
    get_logger(name).info("half \ud800 character")
    assert "half \\ud800 character" in (tmp_path / "app.log").read_text()


def test_without_a_console_only_the_file_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    setup_logging("INFO", tmp_path / "app.log")
    get_logger(name).info("seen")
    assert "seen" in (tmp_path / "app.log").read_text()


def test_an_unknown_level_is_refused_before_anything_changes(bare_root: logging.Logger) -> None:
    before = bare_root.handlers[:]
    with pytest.raises(ConfigError, match="Did you mean 'WARNING'"):
        setup_logging("WARNNG")
    assert bare_root.handlers == before


def test_secrets_are_masked_in_messages_and_tracebacks(name: str, stderr: Stderr) -> None:
    setup_logging(colors=False)
    try:
        raise OSError("postgresql://user:hunter2@host/x")
    except OSError:
        get_logger(name).exception("login password=%s failed", "hunter2")
    assert "hunter2" not in stderr.getvalue()
    assert "password=***" in stderr.getvalue()


def test_the_formatter_may_be_used_on_its_own() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "hello", None, None)
    assert LineFormatter().format(record).endswith(" | INFO | x | hello")
