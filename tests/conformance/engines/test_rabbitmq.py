"""The same over RabbitMQ, which takes long to start: what its messages could change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import RabbitMQ
from tests.conformance.engines import test_engines
from tests.conformance.engines.conftest import Cluster
from tests.postgres import Postgres

pytestmark = pytest.mark.xdist_group("rabbitmq")  # one server for all


@pytest.fixture
def cluster(postgres: Postgres, rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster over RabbitMQ."""
    engine = {"engine": "celery", "broker_url": rabbitmq.url}
    sections = {"manager": {"ledger_url": postgres.url()}, "cluster": engine}
    cluster = Cluster(tmp_path, sections, rabbitmq)
    yield cluster
    cluster.stop()


test_many_runs = test_engines.test_many_runs_each_once_on_several_workers
test_a_crowd = test_engines.test_many_runs_that_end_at_once_leave_no_message
test_a_retry = test_engines.test_a_failed_attempt_is_made_again
test_priorities = test_engines.test_the_highest_priority_starts_first
test_a_stopped_worker = test_engines.test_what_a_stopped_worker_has_goes_to_another
test_a_last_run = test_engines.test_a_worker_that_waits_for_its_last_runs_leaves_new_ones_to_others
test_a_new_queue = test_engines.test_a_new_queue_is_served_while_runs_of_others_go_on
test_a_cut_connection = test_engines.test_a_connection_that_is_cut_is_made_anew_while_runs_go_on
