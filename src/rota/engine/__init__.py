"""From a due instant to a recorded outcome: plan, claim, run, record, and what watches over it."""

from rota.engine.node import Node

__all__ = ["Node"]
