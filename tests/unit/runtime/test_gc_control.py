"""The garbage collector rests while modules are loaded, and works again as it did before."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from rota.runtime import gc_control
from rota.runtime.gc_control import loading


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc_control.own_process()
    yield
    gc_control._ours = False
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


def test_rota_freezes_no_objects_in_an_application_process() -> None:
    gc_control._ours = False
    before = gc.get_freeze_count()
    with loading():
        pass
    gc_control.spare()
    assert gc.get_freeze_count() == before


def test_objects_are_frozen_once_if_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc_control, "_ours", False)
    monkeypatch.setattr(gc_control, "_spared", False)
    gc_control.spare(asked=True)
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    gc_control.spare(asked=True)
    assert gc.get_freeze_count() == 0
