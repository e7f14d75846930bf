"""The screen Failures as a browser without JavaScript gets it."""

from __future__ import annotations

from tests.integration.web.pages.read import part
from tests.integration.web.site import Site, fail, greet


def moody() -> None:
    """Fail in another way."""
    raise KeyError("mood")


def test_failures_are_counted_by_task_and_exception(site: Site) -> None:
    site.add(fail, name="Unlucky", max_retries=0)
    site.add(moody, max_retries=0)
    site.add(greet)
    for _ in range(2):
        site.run("fail")
    newest = site.run("fail")
    site.run("moody")
    site.run("greet")
    page = site.client.get("/failures").text
    told = part(page, "failures")
    assert "Failures 4 of 2 tasks in the last 24 hours" in told
    assert told.index("Unlucky ValueError no such luck") < told.index("KeyError")
    assert "3 times" in told
    assert f'href="/runs/{newest}"' in page
    assert "greet" not in told


def test_how_far_back_stands_in_the_address(site: Site) -> None:
    site.add(fail, max_retries=0)
    site.run("fail")
    for span, name in (("1h", "hour"), ("7d", "7 days"), ("nonsense", "24 hours")):
        page = site.client.get(f"/failures?span={span}").text
        assert f"1 of 1 task in the last {name}" in part(page, "failures")


def test_nothing_failed(site: Site) -> None:
    assert "Nothing failed in the last hour" in site.client.get("/failures?span=1h").text


def test_what_an_exception_says_is_inert(site: Site) -> None:
    def hostile() -> None:
        raise ValueError("<img src=x onerror=hit()>\u202e" + "x" * 5000)

    site.add(hostile, name="<script>hit()</script>", max_retries=0)
    site.run("hostile")
    page = site.client.get("/failures").text
    assert "<img" not in page
    assert "<script>hit" not in page
    assert "\u202e" not in page
