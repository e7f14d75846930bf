"""For tests of tasks and of rota itself: a clock that moves when told, and a manager on it."""

from rota.testing.clock import FakeClock
from rota.testing.harness import Harness, eventually

__all__ = ["FakeClock", "Harness", "eventually"]
