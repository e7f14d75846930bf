"""Whether a request was passed on by a proxy: then its address says nothing of who asks."""

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
"""What proxies and content networks add to a request; no browser and no client does by itself."""


def passed_on_by(request: Request) -> str:
    """Return what tells that a proxy passed a request on, "" where nothing does.

    A proxy on this machine connects from this machine for anybody. nginx adds no header unless it
    is told to, but asks in HTTP/1.0 unless it is told not to, as no browser has done since 1999.
    """
    for name in request.headers:
        plain = name.lower().replace("_", "-")
        if plain in _NAMES or plain.startswith(_BEGINNINGS):
            return f"the header {name[:100]}"
    return "HTTP/1.0" if request.scope.get("http_version") == "1.0" else ""


def is_encrypted(request: Request) -> bool:
    """Say whether who asks speaks TLS, with us or with the proxy that passes it on.

    It only decides whether a cookie may travel in the clear, so the header is believed.
    """
    said = request.headers.get("x-forwarded-proto", "")
    return "https" in (request.url.scheme, said.partition(",")[0].strip().lower())
