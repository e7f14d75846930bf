"""One file of another service, fetched only when it has changed there."""

import asyncio
import hashlib
import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backgroundtask._files import write_atomically
from configurations import Xcorecfg
from rota.config import masked

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Source:
    """Where to fetch from: the keys of `external_data`, an own section of config.json."""

    url: str
    timeout: float = 60.0  # seconds for all of it
    max_bytes: int = 10 * 2**20

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
        return masked(self.url)

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
            httpx.AsyncClient(timeout=source.timeout, follow_redirects=True) as client,
            client.stream("GET", source.url, headers=headers) as response,
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
        raise RuntimeError(f"{source} cannot be fetched: {masked(why)}") from error


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
