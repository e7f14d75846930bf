"""Tests of tasks: a clock that moves only when the test moves it, and a manager on it."""

from rota.testing.clock import FakeClock
from rota.testing.harness import Harness, eventually

__all__ = ["FakeClock", "Harness", "eventually"]
