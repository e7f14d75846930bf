"""Maintenance windows over REST."""

from __future__ import annotations

from tests.integration.web.site import Site


def test_a_window_is_opened_listed_and_closed(site: Site) -> None:
    site.manager.add_task(lambda: None, "interval", "t", hours=1000, tags=["db"])
    asked = {"tags": ["db"], "duration": 3600.0, "action": "delay", "reason": "disks"}
    opened = site.client.post("/manager/windows", json=asked)
    assert opened.status_code == 200, opened.text
    window = opened.json()
    assert (window["id"], window["is_open"], window["by"]) == (1, True, "rest")
    assert site.client.post("/manager/windows", json=asked).json()["id"] == 1
    assert [one["id"] for one in site.client.get("/manager/windows").json()] == [1]
    closed = site.client.post("/manager/windows/1/close")
    assert closed.json()["is_open"] is False
    assert site.client.get("/manager/windows").json() == []
    assert len(site.client.get("/manager/windows?closed=true").json()) == 1


def test_what_cannot_be_is_refused(site: Site) -> None:
    assert site.client.post("/manager/windows/7/close").status_code == 404
    for wrong in ({}, {"all": True, "duration": 0}, {"all": True, "action": "x"}, {"tags": ["?"]}):
        assert site.client.post("/manager/windows", json=wrong).status_code == 422
