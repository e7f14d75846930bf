"""A PostgreSQL beside the files."""

from tests.postgres import postgres as postgres
