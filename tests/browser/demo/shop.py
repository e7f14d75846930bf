"""The tasks of a bookshop that there is not, for the pictures of the documentation."""

import asyncio
from typing import Any

import rota

BERLIN = {"timezone": "Europe/Berlin"}


class CardDeclined(Exception):
    """The bank did not want to."""


@rota.task("interval", minutes=5, name="Import orders")
async def import_orders() -> dict[str, Any]:
    """Take the orders of the web shop over into the books."""
    run = rota.current_run()
    for number in range(1, 121):
        run.progress(number, 120, f"order {4208 + number}")
        if number % 5 == 0:
            run.logger.info("imported %d of 120 orders", number)
        if number % 40 == 7:
            run.logger.warning("order %d has no postcode: left for the office", 4208 + number)
        await asyncio.sleep(0.35)
    return {"orders": 120, "total": "3,841.20 EUR"}


@rota.task("interval", minutes=4, name="Charge cards", max_retries=2, retry_delay=1.5)
async def charge_cards() -> None:
    """Charge what was ordered since the last time."""
    run = rota.current_run()
    run.logger.info("9 cards to charge")
    await asyncio.sleep(0.6)
    run.logger.debug("POST https://bank.example/v2/charges")
    await asyncio.sleep(0.5)
    run.logger.warning("the bank took 1.1 s to answer")
    card = {"holder": "A. Lovelace", "ends": "4242"}
    if run.attempt < 4:
        run.logger.error("card •••• %s was declined: insufficient funds", card["ends"])
        raise CardDeclined(f"card ending in {card['ends']} was declined: insufficient funds")


@rota.task("interval", minutes=10, name="Sync inventory", overlap="queue")
async def sync_inventory() -> dict[str, Any]:
    """Bring the shelves and the web shop to the same numbers."""
    run = rota.current_run()
    for shelf in "ABCDEFGH":
        run.logger.info("shelf %s counted", shelf)
        await asyncio.sleep(0.9)
    return {"shelves": 8, "corrected": 3}


@rota.task("cron", day_of_week="thu", hour=10, name="Send the newsletter", max_retries=0, **BERLIN)
async def send_newsletter(
    audience: str = "readers", limit: int = 500, dry_run: bool = False
) -> dict[str, Any]:
    """Write to everybody who asked for it."""
    rota.current_run().logger.info("to at most %d %s%s", limit, audience, " (dry run)" * dry_run)
    return {"sent": 0 if dry_run else limit}


@rota.task("cron", hour=2, minute=30, name="Nightly backup", timeout=3600, **BERLIN)
def nightly_backup() -> None:
    """Copy the database to the other building."""


@rota.task("cron", day_of_week="mon-fri", hour=9, name="Morning report", **BERLIN)
async def morning_report() -> None:
    """Mail the figures of yesterday."""


@rota.task("interval", hours=1, name="Refresh exchange rates", max_retries=1)
async def refresh_exchange_rates() -> None:
    """Ask the central bank for today's rates."""


@rota.task("interval", minutes=30, name="Rebuild the search index")
def rebuild_search_index() -> None:
    """Index what came in since the last time."""


@rota.task("interval", minutes=15, name="Expire carts")
async def expire_carts() -> None:
    """Put the books of forgotten carts back."""


@rota.task("interval", minutes=20, name="Warm the cache")
async def warm_cache() -> None:
    """Ask for the pages that everybody asks for."""


@rota.task("cron", hour=18, name="Remind of returns", **BERLIN)
async def remind_of_returns() -> None:
    """Write to those who have a book for longer than four weeks."""


@rota.task("cron", day="last", hour=23, name="Close the books", **BERLIN)
def close_the_books() -> None:
    """Sum up the month."""


@rota.task("interval", hours=6, name="Export to the old system", enabled=False)
async def export_to_the_old_system() -> None:
    """Nobody reads it any more."""
