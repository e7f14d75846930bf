"""A PostgreSQL for those that compare it with the others."""

from tests.postgres import postgres as postgres
