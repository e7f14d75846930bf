"""The garbage collector rests while modules are loaded, and works again as it did before."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from rota import collector
from rota.collector import loading


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    was_enabled = gc.isenabled()
    collector.own_process()
    yield
    collector._ours = False
    gc.unfreeze()
    (gc.enable if was_enabled else gc.disable)()


def test_nothing_is_collected_until_the_last_has_loaded() -> None:
    gc.enable()
    with loading():
        with loading():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_is_loaded_is_never_looked_at_again() -> None:
    with loading():
        stays = [object()]
        assert any(one is stays for one in gc.get_objects())
    assert not any(one is stays for one in gc.get_objects())


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert not gc.isenabled()


def test_in_a_process_of_somebody_else_nothing_is_kept_from_the_collector() -> None:
    collector._ours = False
    before = gc.get_freeze_count()
    with loading():
        pass
    collector.spare()
    assert gc.get_freeze_count() == before


def test_who_asks_for_it_has_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "_ours", False)
    monkeypatch.setattr(collector, "_spared", False)
    collector.spare(asked=True)
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    collector.spare(asked=True)
    assert gc.get_freeze_count() == 0
