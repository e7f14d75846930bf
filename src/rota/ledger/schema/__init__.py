"""The schema of the ledger; `metadata` has every table."""

from rota.ledger.schema import access_tables as access_tables
from rota.ledger.schema.tables import metadata as metadata
