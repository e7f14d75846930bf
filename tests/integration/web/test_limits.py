"""Limits of what is asked, and secrets in what is answered."""

from __future__ import annotations

import logging
from pathlib import Path

import rota
from rota.core.run import State
from rota.testing import eventually
from tests.integration.web.site import Site, greet

ANSI = "\x1b[31mred\x1b[0m"


async def tells() -> dict[str, str]:
    logging.getLogger("shop").warning("login with password=hunter2- at https://a:hunter2-@db/x")
    print("token=hunter2-")  # noqa: T201  # what a run prints is kept
    return {"api_key": "hunter2-", "fine": "yes"}


async def takes(password: str = "none", page: int = 1) -> None:
    """Take a secret."""
    raise ValueError(f"wrong password={password}")


async def shouts() -> None:
    print("a\r\nb\x00c" + ANSI)  # noqa: T201
    print("x" * 10_000_000)  # noqa: T201
    print("after")  # noqa: T201


def test_runs_by_hand_have_a_limit_for_each_task(tmp_path: Path) -> None:
    with Site(tmp_path, runs_by_hand=3) as site:
        for name in ("greet", "other"):
            site.add(greet, name)
        answers = [site.client.post("/manager/tasks/greet/run") for _ in range(2)]
        answers += [site.client.post("/tasks/greet/run") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 303, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert "manager.runs_by_hand" in answers[-1].json()["remedy"]
        run_id = answers[0].json()["id"]
        eventually(lambda: site.manager.get_run(run_id).state is State.SUCCEEDED)
        assert site.client.post(f"/manager/runs/{run_id}/retry").status_code == 429
        assert site.client.post("/manager/tasks/other/run").status_code == 202
        assert site.manager.run_task("greet")  # the application's own code has none


def test_secrets_are_masked_in_logs_answers_and_pages(tmp_path: Path) -> None:
    with Site(tmp_path) as site:  # here, for pytest gives each phase its own stdout
        site.add(tells)
        site.add(takes, max_retries=0)
        told = site.run("tells", State.SUCCEEDED)
        body = {"arguments": {"password": "hunter2-", "page": 7}}
        taken = site.client.post("/manager/tasks/takes/run", json=body).json()["id"]
        eventually(lambda: site.manager.get_run(taken).state is State.FAILED)
        eventually(lambda: len(site.manager.history.logs(told)) == 2)
        for run_id in (told, taken):
            for path in (f"/manager/runs/{run_id}", f"/manager/runs/{run_id}/logs",
                         f"/manager/runs/{run_id}/logs/text", f"/runs/{run_id}",
                         "/failures", "/"):  # fmt: skip
                assert "hunter2-" not in site.client.get(path).text, path
        assert site.client.get(f"/manager/runs/{told}").json()["result"] == {
            "api_key": "***",
            "fine": "yes",
        }
        shown = site.client.get(f"/manager/runs/{taken}").json()["arguments"]
        assert shown == {"password": "***", "page": 7}


def test_hostile_lines_are_kept_short_and_shown_inert(tmp_path: Path) -> None:
    with Site(tmp_path) as site:  # here, for pytest gives each phase its own stdout
        site.add(shouts)
        run_id = site.run("shouts", State.SUCCEEDED)
        eventually(lambda: site.manager.history.logs(run_id))
        lines = site.manager.history.logs(run_id)
        assert sum(len(line.text) for line in lines) < 1_100_000
        text = site.client.get(f"/manager/runs/{run_id}/logs/text").text
        for bad in ("\x1b", "\x00", "\r"):
            assert bad not in text
            assert bad not in site.client.get(f"/runs/{run_id}").text
        assert "red" in text


def test_nothing_here_reads_or_writes_pickles() -> None:
    package = Path(rota.__file__).parent
    for file in package.rglob("*.py"):
        code = file.read_text()
        for word in ("import pickle", "from pickle", "marshal", "shelve", "dill", "yaml.load"):
            assert word not in code, file
