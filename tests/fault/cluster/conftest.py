from __future__ import annotations

from tests.brokers import redis as redis
from tests.postgres import postgres as postgres
