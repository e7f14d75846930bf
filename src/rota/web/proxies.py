"""Detecting requests that a proxy passed on: their address does not identify the client."""

from __future__ import annotations

from starlette.requests import Request

_BEGINNINGS = (
    "x-forwarded",
    "x-original-",
    "x-real-",
    "x-client-",
    "x-cluster-client",
    "x-remote-",
    "x-proxy",
    "x-envoy-",
    "x-azure-",
    "x-appengine-",
    "x-amz",
    "x-arr-",
    "x-sendfile-type",
    "cf-",
    "cdn-",
    "fastly-",
    "fly-",
    "tailscale-",
)
_NAMES = frozenset(
    {
        "client-ip",
        "forwarded",
        "forwarded-for",
        "front-end-https",
        "proxy-client-ip",
        "remote-addr",
        "true-client-ip",
        "via",
        "wl-proxy-client-ip",
        "x-host",
        "x-proto",
        "x-scheme",
        "x-url-scheme",
    }
)
"""Headers that proxies and content networks add to a request, and no browser or client sends."""


def passed_on_by(request: Request) -> str:
    """Return the sign that a proxy passed a request on, or "" if there is none.

    A proxy on this machine connects from this machine for every client. nginx adds no header
    unless it is configured to. But by default it uses HTTP/1.0, as no browser has done since 1999.
    """
    for name in request.headers:
        plain = name.lower().replace("_", "-")
        if plain in _NAMES or plain.startswith(_BEGINNINGS):
            return f"the header {name[:100]}"
    return "HTTP/1.0" if request.scope.get("http_version") == "1.0" else ""


def is_encrypted(request: Request) -> bool:
    """Return whether the client uses TLS, with this server or with the proxy in front of it.

    This only decides whether a cookie may be sent unencrypted, so the header is trusted.
    """
    said = request.headers.get("x-forwarded-proto", "")
    return "https" in (request.url.scheme, said.partition(",")[0].strip().lower())
