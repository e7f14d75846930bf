"""The tests' PostgreSQL, and nodes in processes of their own."""

from tests.postgres import postgres as postgres
