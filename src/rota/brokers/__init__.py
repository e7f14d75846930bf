"""Adapters to existing distributed engines; each implements the port `Broker`.

An adapter is imported only if the configuration names it.
"""

from __future__ import annotations

from rota.core.ports.broker import Broker


def open_broker(name: str, *, ledger_url: str, broker_url: str) -> Broker | None:
    """Return the broker that `cluster.engine` names; None for `local`. It is not opened yet.

    Raises ConfigError if its library is missing or if it cannot work with the ledger.
    """
    match name:
        case "pgqueuer":
            from rota.brokers.pgqueuer import PgQueuerBroker

            return PgQueuerBroker(ledger_url)
        case "celery":
            from rota.brokers.celery import CeleryBroker

            return CeleryBroker(broker_url)
    return None
