"""After much work, memory, threads and descriptors are back to where they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rota.engine.running.timeout_enforcer import SPARE
from rota.runtime import daemon_threads
from rota.testing import Harness, eventually
from tests.fault.effort import effort

ROOT = Path(__file__).parents[3]
WORK = {
    "succeed_async": effort(500, 5_000),
    "succeed_thread": effort(500, 5_000),
    "fail_async": effort(250, 2_500),
    "fail_thread": effort(250, 2_500),
    "overrun_async": effort(95, 950),
    "overrun_thread": effort(5, 50),  # ten at once
    "succeed_process": effort(20, 200),
    "fail_process": effort(5, 50),
    "overrun_process": effort(1, 10),  # one at once, and its process is killed
    "changes": effort(20, 200),
    "lives": effort(5, 50),
}


@pytest.mark.timeout(3600)
def test_no_resource_grows_over_many_runs(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.fault.endings.measuring", str(tmp_path), json.dumps(WORK)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    for kind in ("work", "lives"):
        _, *warmed = [one for one in rounds if one["after"] == kind]
        _check(*warmed)


def test_runs_that_ended_are_not_kept_until_their_deadlines(tmp_path: Path) -> None:
    async def quick() -> None:
        pass

    with Harness(tmp_path) as rig:
        rig.manager.add_task(quick, "date", "quick", run_date="2100-01-01", overlap="allow")
        for _ in range(6):
            rig.manager.run_many("quick", [None] * 500)
            eventually(lambda: not rig.manager.history.counts(rig.clock.now()).busy)
        assert len(rig.manager.services.engine.timeout_enforcer) <= 2 * 500 + SPARE


def _check(warm: dict[str, Any], *later: dict[str, Any]) -> None:
    for one in later:
        growth = one["memory"] / warm["memory"] - 1
        print(  # noqa: T201
            f"{one['after']}: {warm['memory'] / 2**20:.1f} → {one['memory'] / 2**20:.1f} MiB"
            f" ({growth:+.1%}), {len(one['threads'])} threads, {one['descriptors']} descriptors"
        )
        assert growth < 0.1
        assert lasting(one["threads"]) == lasting(warm["threads"])
        assert one["descriptors"] <= warm["descriptors"]
        assert one["children"] == warm["children"]


def lasting(threads: list[str]) -> list[str]:
    """Leave out asyncio's own pool, which grows to a few threads when it first needs them, and
    those of the moment, each for one look aside."""
    return [
        name
        for name in threads
        if not name.startswith(("asyncio_", "rota-work", daemon_threads.SPARE))
    ]
