"""Image, compose file and Kubernetes manifests: they name what is there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from rota.config import Xcorecfg
from tests.deploy.commands import check_command
from tests.docs.pages import ROOT
from tests.integration.web.site import Site

DOCKER = ROOT / "deploy/docker"
MANIFESTS = [
    document
    for file in sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
DEPLOYMENTS = [one for one in MANIFESTS if one["kind"] == "Deployment"]
PORT = 8470


def of_kind(kind: str) -> dict[str, Any]:
    """Return the manifests of a kind, by name."""
    return {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == kind}


def instructions() -> Iterator[tuple[str, str]]:
    """Yield the Dockerfile's instructions."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def grace() -> float:
    """Return the seconds that a node needs to stop, at most."""
    return Xcorecfg().manager.shutdown_grace + 2


def settings(names: Any) -> None:
    """Check that each of the variables of ours is a setting."""
    for name in names:
        if name.startswith("XCORE_"):
            section, key = name.removeprefix("XCORE_").lower().split("__")
            assert key in type(getattr(Xcorecfg(), section)).model_fields, name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a node that answers probes."""
    with Site(tmp_path_factory.mktemp("probed")) as site:
        yield site


def test_what_the_image_copies_is_there_and_it_starts_a_role(site: Site) -> None:
    found = list(instructions())
    for word, rest in found:
        if word == "COPY":
            *sources, _ = [part for part in shlex.split(rest) if not part.startswith("--")]
            assert [one for one in sources if not (ROOT / one).exists()] == []
    last = dict(found)
    assert last["ENTRYPOINT"] == '["rota"]'
    check_command(yaml.safe_load(last["CMD"]))
    assert f"http://127.0.0.1:{PORT}/health/ready" in last["HEALTHCHECK"]
    assert site.client.get("/health/ready").status_code == 200
    assert last["USER"] not in ("0", "root")


def test_the_services_of_compose_start_roles() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    assert set(services) == {"postgres", "scheduler", "worker", "web"}
    for name in ("scheduler", "worker", "web"):
        one = services[name]
        check_command(one["command"])
        assert one["command"][0] == name
        assert one["command"][-1] == str(PORT)
        assert float(one["stop_grace_period"].removesuffix("s")) > grace()
        assert (DOCKER / one["build"]["context"] / one["build"]["dockerfile"]).is_file()
        settings(one["environment"])
    assert [services[name]["deploy"]["replicas"] for name in ("scheduler", "worker")] == [2, 2]
    password = services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert password.startswith("${")


@pytest.mark.parametrize("one", DEPLOYMENTS, ids=lambda one: one["metadata"]["name"])
def test_a_deployment_is_probed_and_drained(one: dict[str, Any], site: Site) -> None:
    template = one["spec"]["template"]
    assert one["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    pod, (container,) = template["spec"], template["spec"]["containers"]
    check_command(container["args"])
    assert container["args"][-1] == str(container["ports"][0]["containerPort"]) == str(PORT)
    live, ready = container["livenessProbe"]["httpGet"], container["readinessProbe"]["httpGet"]
    assert (live["path"], ready["path"]) == ("/health/live", "/health/ready")
    for probe in (live, ready):
        headers = {one["name"]: one["value"] for one in probe.get("httpHeaders", [])}
        assert site.client.get(probe["path"], headers=headers).status_code == 200
    wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > wait + grace()
    settings(variable["name"] for variable in container["env"])
    assert [source["configMapRef"]["name"] for source in container["envFrom"][:1]] == ["rota"]


def test_every_role_survives_a_drained_machine() -> None:
    budgets, deployments = of_kind("PodDisruptionBudget"), of_kind("Deployment")
    assert set(budgets) == set(deployments) == {"rota-scheduler", "rota-worker", "rota-web"}
    for name, budget in budgets.items():
        assert budget["spec"]["selector"] == deployments[name]["spec"]["selector"]
        assert deployments[name]["spec"]["replicas"] > budget["spec"]["minAvailable"]


def test_workers_grow_with_the_age_of_their_queue() -> None:
    scaler = of_kind("HorizontalPodAutoscaler")["rota-worker"]["spec"]
    assert scaler["scaleTargetRef"]["name"] in of_kind("Deployment")
    metric = scaler["metrics"][0]["external"]["metric"]
    source = (ROOT / "src/rota/web/metrics.py").read_text()
    assert f'"{metric["name"].removeprefix("rota_")}"' in source
    assert metric["selector"]["matchLabels"] == {"queue": "default"}


def test_no_manifest_contains_a_secret() -> None:
    assert not of_kind("Secret")
    settings(of_kind("ConfigMap")["rota"]["data"])
