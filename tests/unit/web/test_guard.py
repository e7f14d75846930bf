"""What the guard reads from a request."""

from __future__ import annotations

import pytest

from rota.web.guard import host_name, path_of


@pytest.mark.parametrize(
    ("root", "path", "routed"),
    [
        ("", "/tasks", "/tasks"),
        ("/jobs", "/jobs/tasks", "/tasks"),
        ("/jobs", "/jobs", ""),
        ("/jobs", "/tasks", "/tasks"),
        ("/manage", "/manager/tasks", "/manager/tasks"),
        ("/", "/tasks", "/tasks"),
    ],
)
def test_a_path_is_the_one_below_the_mount(root: str, path: str, routed: str) -> None:
    assert path_of({"path": path, "root_path": root}) == routed


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:80", "localhost"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("my_app.example.", "my_app.example."),
        ("localhost/x?", ""),
        ("localhost:8a", ""),
        ("localhost\n", ""),
        ("", ""),
    ],
)
def test_a_host_is_a_name_and_a_port(host: str, name: str) -> None:
    assert host_name(host) == name
