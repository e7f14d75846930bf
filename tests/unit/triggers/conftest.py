"""Short words for triggers in tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rota.errors import TriggerError
from rota.triggers import parse, preview

Times = Callable[..., list[str]]
Refused = Callable[..., TriggerError]


@pytest.fixture
def times() -> Times:
    """List the next times in UTC, as text, after an ISO moment in UTC."""

    def times(trigger: str, args: dict[str, object], after: str, **options: object) -> list[str]:
        moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
        found = preview(trigger, args, after=moment, **options)  # type: ignore[arg-type]
        return [time.replace(tzinfo=None).isoformat(" ", "seconds") for time in found]

    return times


@pytest.fixture
def refused() -> Refused:
    """Return the error that parsing raises."""

    def refused(trigger: object, args: object, **options: object) -> TriggerError:
        with pytest.raises(TriggerError) as caught:
            parse(trigger, args, **options)  # type: ignore[arg-type]
        return caught.value

    return refused
