"""The adapters to existing distributed engines, each the port `Engine`; each is loaded only where
the configuration names it."""

from __future__ import annotations

from rota.core.ports.broker import Broker


def open_engine(name: str, *, ledger_url: str, broker_url: str) -> Broker | None:
    """Make the engine that `cluster.engine` names, None for `local`; nothing is opened yet. Raises
    ConfigError where its library is missing, or where it does not fit the ledger."""
    match name:
        case "pgqueuer":
            from rota.brokers.pgqueuer import PgQueuerEngine

            return PgQueuerEngine(ledger_url)
        case "celery":
            from rota.brokers.celery import CeleryEngine

            return CeleryEngine(broker_url)
    return None
