"""The systemd units: systemd understands them, and so does rota what they start."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rota.config import Xcorecfg
from tests.deploy.commands import check_command
from tests.docs.pages import ROOT

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


def service(unit: Path) -> configparser.SectionProxy:
    """Return a unit's section Service."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return parser["Service"]


def test_there_is_a_unit_for_every_role() -> None:
    assert {unit.name for unit in UNITS} == {
        "rota.service",
        "rota-scheduler.service",
        "rota-web.service",
        "rota-worker@.service",
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_role_and_lets_it_drain(unit: Path) -> None:
    found = service(unit)
    program, *words = shlex.split(found["ExecStart"].replace("%i", "gpu"))
    assert program.endswith("/.venv/bin/rota")
    check_command(words)
    assert (found["Restart"], found["KillSignal"]) == ("always", "SIGTERM")
    assert float(found["TimeoutStopSec"]) > Xcorecfg().manager.shutdown_grace + 2


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name.replace("@", "@gpu")
    text = unit.read_text().replace("/srv/rota/.venv/bin/rota", sys.executable)
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
