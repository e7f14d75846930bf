"""A web application that runs its background tasks in its own processes, and shows them.

Each of several workers schedules and runs; every occurrence still runs once, in one of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import rota
from database.db import Base, engine
from fastapi import FastAPI
from loggers.logger_config import setup_logging
from sqlalchemy.schema import CreateTable

import auth.models  # noqa: F401
import plugins.my_plugin.models  # noqa: F401  # the application's tables


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Create the tables, and schedule while the application runs."""
    setup_logging()
    create_tables()
    async with rota.lifespan()(app):
        yield


def create_tables() -> None:
    """Create missing tables; several workers may do so at once (a real shop has migrations)."""
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))


app = FastAPI(title="Shop", lifespan=lifespan)
app.include_router(rota.web.router())  # the API of the tasks: /manager/…, /health
rota.web.mount(app, "/rota")  # their pages


@app.get("/")
def shop() -> dict[str, str]:
    """Return the state of the shop: one of the application's own routes."""
    return {"shop": "open", "tasks": "/rota/"}
