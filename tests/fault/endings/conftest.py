"""A project that `rota up` runs."""

from tests.integration.cli.conftest import project as project
