"""The API keeps to its own description, whatever is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.web.site import Site, fail, greet

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
Asked = Case[Any]
ENDLESS = "/manager/events"
EXAMPLES = 6
"""Requests of each kind per endpoint."""

OPERATIONS = [
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/manager/audit"),
    ("GET", "/manager/nodes"),
    ("GET", "/manager/verification"),
    ("GET", "/manager/occurrences/next"),
    ("GET", "/manager/occurrences/past"),
    ("GET", "/manager/pauses"),
    ("GET", "/manager/windows"),
    ("POST", "/manager/windows"),
    ("POST", "/manager/windows/{id}/close"),
    ("GET", "/manager/tags"),
    ("POST", "/manager/pause"),
    ("POST", "/manager/resume"),
    ("GET", "/manager/runs"),
    ("GET", "/manager/runs/{id}"),
    ("GET", "/manager/runs/{id}/logs"),
    ("GET", "/manager/runs/{id}/logs/stream"),
    ("GET", "/manager/runs/{id}/logs/text"),
    ("POST", "/manager/runs/{id}/cancel"),
    ("POST", "/manager/runs/{id}/retry"),
    ("POST", "/manager/nodes/{node}/drain"),
    ("POST", "/manager/nodes/{node}/undrain"),
    ("POST", "/manager/runs/{id}/rerun"),
    ("POST", "/manager/tasks/{id}/backfill"),
    ("GET", "/manager/tasks"),
    ("POST", "/manager/tasks"),
    ("DELETE", "/manager/tasks/{id}"),
    ("GET", "/manager/tasks/{id}"),
    ("PUT", "/manager/tasks/{id}"),
    ("POST", "/manager/tasks/{id}/disable"),
    ("POST", "/manager/tasks/{id}/enable"),
    ("POST", "/manager/tasks/{id}/pause"),
    ("POST", "/manager/tasks/{id}/reset"),
    ("POST", "/manager/tasks/{id}/resume"),
    ("POST", "/manager/tasks/{id}/run"),
    ("POST", "/manager/tasks/{id}/skip"),
]


class Described:
    """A site with two tasks and two runs, and what it says of itself."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.add(greet)
        site.add(fail, max_retries=0)
        self.ids = {
            "/manager/tasks": ["greet", "fail"],
            "/manager/runs": [site.run("greet"), site.run("fail")],
        }
        self.schema = schemathesis.openapi.from_url(f"{site.server.url}manager/openapi.json")

    def can_be_asked_wrongly(self, method: str, path: str) -> bool:
        """Say whether there is more to get wrong than an id, which may be any text."""
        raw = self.schema[path][method].definition.raw
        return "requestBody" in raw or any(
            parameter["in"] != "path" for parameter in raw.get("parameters", ())
        )

    def cases(self, method: str, path: str, mode: GenerationMode) -> st.SearchStrategy[Asked]:
        """Return what to ask, half of it of what is there."""
        strategy = self.schema[path][method].as_strategy(generation_mode=mode)
        known = [ids for beginning, ids in self.ids.items() if path.startswith(f"{beginning}/{{")]
        if not known or mode is GenerationMode.NEGATIVE:
            return strategy
        return st.tuples(strategy, st.none() | st.sampled_from(known[0])).map(_with_id)


def _with_id(drawn: tuple[Asked, str | None]) -> Asked:
    case, id = drawn
    if id is not None:
        case.path_parameters["id"] = id
    return case


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    with Site(tmp_path_factory.mktemp("described")) as site:
        yield Described(site)


def test_every_endpoint_is_asked(described: Described) -> None:
    paths: dict[str, Any] = described.site.client.get("/manager/openapi.json").json()["paths"]
    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert found == {*OPERATIONS, ("GET", ENDLESS)}


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_matches_the_openapi_description(
    described: Described, method: str, path: str, mode: GenerationMode
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        case = data.draw(described.cases(method, path, mode))
        case.validate_response(case.call(timeout=20), checks=CHECKS)

    if mode is GenerationMode.POSITIVE or described.can_be_asked_wrongly(method, path):
        ask()
