"""A server that can be harmed, for whole nodes."""

from __future__ import annotations

from tests.postgres import postgres as postgres
