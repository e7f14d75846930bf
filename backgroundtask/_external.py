"""One file of another service, fetched only when it has changed there."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from backgroundtask._files import write_atomically
from configurations import Xcorecfg
from rota.config import redact_url
from rota.private_networks import is_private, is_public

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Source:
    """Where to fetch from: the keys of `external_data`, an own section of config.json."""

    url: str
    timeout: float = 60.0  # seconds for all of it
    max_bytes: int = 10 * 2**20
    private: bool = False  # whether a redirect may lead into a private network

    @classmethod
    def configured(cls, config: Xcorecfg) -> "Source | None":
        """Return what the configuration names, None where it names no URL; raises RuntimeError
        for a key that is not known."""
        section = getattr(config, "external_data", None) or {}
        known = [field.name for field in fields(cls)]
        for key in section:
            if key not in known:
                raise RuntimeError(f"external_data.{key}: no such key; known: {', '.join(known)}")
        return cls(**section) if section.get("url") else None

    def __str__(self) -> str:
        return redact_url(self.url)

    @property
    def file_name(self) -> str:
        """The last part of the URL's path, as far as it is harmless as a file's name."""
        last = self.url.partition("?")[0].partition("#")[0].rpartition("/")[2]
        return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[:100] or "data"

    @property
    def digest(self) -> str:
        """What tells this URL from another without giving its secrets away."""
        return hashlib.sha256(self.url.encode()).hexdigest()


async def fetch(source: Source, directory: Path) -> dict[str, Any]:
    """Fetch `source` into `directory`, unless the server says that it is as it was.

    What the server calls its version is kept beside the file. Raises RuntimeError for what cannot
    be fetched, or is larger than `max_bytes`; the file stays as it was then.
    """
    target = directory / source.file_name
    beside = target.with_name(f"{target.name}.version.json")
    headers = await asyncio.to_thread(_conditions, target, beside, source)
    answer = await _answer(source, headers)
    if answer is None:
        return {"status": "not modified", "file": str(target)}
    content, version = answer
    await asyncio.to_thread(write_atomically, target, content)
    await asyncio.to_thread(write_atomically, beside, json.dumps(version, indent=2).encode())
    return {"status": "fetched", "file": str(target), "bytes": len(content)}


async def _answer(source: Source, headers: dict[str, str]) -> tuple[bytes, dict[str, Any]] | None:
    """Return the content and its version; None where it has not changed."""
    try:
        import httpx
    except ImportError:
        raise RuntimeError("httpx is not installed. Run: pip install httpx") from None
    try:
        async with (
            asyncio.timeout(source.timeout),
            httpx.AsyncClient(timeout=source.timeout, headers=headers) as client,
            _reached(client, source) as response,
        ):
            if response.status_code == httpx.codes.NOT_MODIFIED and headers:
                return None
            if response.status_code != httpx.codes.OK:
                raise RuntimeError(f"{source} answered {response.status_code}")
            return await _content(source, response), _version(source, response)
    except TimeoutError:
        raise RuntimeError(f"{source} took longer than {source.timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = str(error) or type(error).__name__
        raise RuntimeError(f"{source} cannot be fetched: {redact_url(why)}") from error


@asynccontextmanager
async def _reached(client: "httpx.AsyncClient", source: Source) -> "AsyncIterator[httpx.Response]":
    """Lend the answer at the end of the redirects, each of which is looked at before it is
    followed: whoever answers for the source must not choose what is fetched of our own network."""
    request = client.build_request("GET", source.url)
    home = (request.url.host, request.url.port)
    for _ in range(MOST_REDIRECTS + 1):
        response = await client.send(request, stream=True)
        try:
            if response.next_request is None:
                _refuse_rebound(source, request, response, home)
                yield response
                return
        finally:
            await response.aclose()
        request = response.next_request
        if request.url.scheme not in ("http", "https"):
            raise RuntimeError(f"{source} leads to an address that is not of the web")
        if not _may_lead_to(source, request, home) and await asyncio.to_thread(
            is_private, request.url.host
        ):
            raise RuntimeError(_led(source, request.url.host))
    raise RuntimeError(f"{source} leads elsewhere more than {MOST_REDIRECTS} times")


def _may_lead_to(source: Source, request: "httpx.Request", home: tuple[str, int | None]) -> bool:
    return source.private or (request.url.host, request.url.port) == home


def _refuse_rebound(
    source: Source,
    request: "httpx.Request",
    response: "httpx.Response",
    home: tuple[str, int | None],
) -> None:
    """Raise RuntimeError where the name had another address when it was connected to."""
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream is not None else None
    if (
        address
        and not getproxies()
        and not _may_lead_to(source, request, home)
        and not is_public(str(address[0]))
    ):
        raise RuntimeError(_led(source, request.url.host))


def _led(source: Source, host: str) -> str:
    return (
        f"{source} leads to {host}, which is in a private network."
        " external_data.private = true allows it."
    )


async def _content(source: Source, response: "httpx.Response") -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > source.max_bytes:
            raise RuntimeError(f"{source} has more than {source.max_bytes} bytes")
    return bytes(content)


def _version(source: Source, response: "httpx.Response") -> dict[str, Any]:
    return {
        "source": source.digest,
        "etag": response.headers.get("etag"),
        "last_modified": response.headers.get("last-modified"),
    }


def _conditions(target: Path, beside: Path, source: Source) -> dict[str, str]:
    """Return the headers that ask for the file only if it differs from the one that is here."""
    try:
        version = json.loads(beside.read_bytes())
        if not target.exists() or version["source"] != source.digest:
            return {}
        known = {
            "If-None-Match": version["etag"],
            "If-Modified-Since": version["last_modified"],
        }
    except (OSError, ValueError, KeyError, TypeError):  # never fetched, or not ours any more
        return {}
    return {name: value for name, value in known.items() if isinstance(value, str)}
