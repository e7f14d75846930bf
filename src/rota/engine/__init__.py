"""From a due instant to a recorded outcome: plans, claims, runs, records, and watches over it."""

from rota.engine.node import Node

__all__ = ["Node"]
