"""`rota token`, and the link that the first start prints where nobody comes in without one."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from tests.integration.cli.project import Project


def test_a_token_is_made_listed_and_revoked(project: Project) -> None:
    made = project.lines("token", "create", "ci", "--right", "read", "--days", "2")[0]
    assert re.fullmatch(r"rota_[0-9a-z]{26}_[\w-]{43}", made.pop("token"))
    assert made == {"name": "ci", "right": "read"}
    plain = project.rota("token", "create", "deploy").stdout.strip()
    assert plain.startswith("rota_")
    ci, deploy = project.lines("token", "ls")
    assert (ci["name"], ci["right"], ci["session"]) == ("ci", "read", False)
    assert (deploy["name"], deploy["right"], deploy["until"]) == ("deploy", "operate", None)
    assert plain not in project.rota("token", "ls").stdout
    assert "already" in project.rota("token", "create", "ci", code=2).stderr
    project.rota("token", "revoke", "ci", "--reason", "leaked")
    assert [one["name"] for one in project.lines("token", "ls")] == ["deploy"]
    assert "rota token ls" in project.rota("token", "revoke", "ci", code=2).stderr
    assert "needs a name" in project.rota("token", "create", code=2).stderr


@pytest.mark.parametrize("days", ["3000000", "1e9", "1e400"])
def test_a_token_that_lasts_too_long_is_refused(project: Project, days: str) -> None:
    said = project.rota("token", "create", "ci", "--days", days, code=2).stderr
    assert said.startswith("error: token 'ci': ")
    assert "36,500 days" in said
    assert project.lines("token", "ls") == []


def test_a_link_signs_in_at_the_address_of_the_pages(project: Project) -> None:
    assert re.fullmatch(
        r"http://127\.0\.0\.1:\d+/sign-in\?code=rota_\S+",
        project.rota("token", "link").stdout.strip(),
    )


def test_the_first_start_prints_a_link_that_signs_in_once(tmp_path: Path) -> None:
    project = Project(tmp_path, access="token")
    with project.up("--plain") as up:
        up.ready()
        up.says("Sign in once, within ten minutes: ")
        link = re.search(r"(http://\S+)/sign-in\?code=(\S+)", "".join(up.output))
        assert link is not None
        with httpx.Client(base_url=link[1]) as browser:
            assert browser.get("/manager/tasks").status_code == 401
            browser.post("/sign-in", data={"secret": link[2]})
            assert browser.get("/manager/tasks").status_code == 200
            assert browser.post("/sign-in", data={"secret": link[2]}).status_code == 401
        assert project.lines("health")[0]["status"] == "healthy"


def test_other_machines_are_refused_before_there_is_a_token(project: Project) -> None:
    said = project.rota("up", "--plain", "--host", "0.0.0.0", "--port", "0", code=2).stderr
    assert "rota token create" in said
