"""Nodes are drained and taken back over REST and on their page."""

from __future__ import annotations

from rota.testing import eventually
from tests.integration.web.pages.read import part
from tests.integration.web.site import Site

HTML = {"Accept": "text/html"}


def test_a_node_is_drained_over_rest_and_taken_back(site: Site) -> None:
    (node,) = site.client.get("/manager/nodes").json()
    answer = site.client.post(f"/manager/nodes/{node['name']}/drain", json={"reason": "an update"})
    assert (answer.status_code, answer.json()["state"]) == (200, "draining")
    again = site.client.post(f"/manager/nodes/{node['id']}/drain")
    assert again.json()["state"] == "draining"
    back = site.client.post(f"/manager/nodes/{node['id']}/undrain")
    assert back.json()["state"] == "up"
    verbs = [one["verb"] for one in site.client.get("/manager/audit").json()]
    assert (verbs.count("drain"), verbs.count("undrain")) == (1, 1)
    assert site.client.post("/manager/nodes/nope/drain").status_code == 404


def test_a_node_is_drained_on_its_page_and_taken_back(site: Site) -> None:
    def shown() -> str:
        return part(site.client.get("/nodes", headers=HTML).text, f"node-{node['id']}")

    (node,) = site.client.get("/manager/nodes").json()
    eventually(lambda: "Drain" in shown())
    answer = site.client.post(f"/nodes/{node['id']}/drain", headers=HTML)
    assert answer.status_code == 303, answer.text
    assert "draining" in shown()
    assert "Take runs again" in shown()
    site.client.post(f"/nodes/{node['id']}/undrain", headers=HTML)
    assert "draining" not in shown()
