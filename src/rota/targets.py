"""Where messages may be sent: not into a private network that only this machine reaches."""

from __future__ import annotations

import ipaddress
import socket


def is_private(host: str) -> bool:
    """Say whether a host is, or has, an address that is not of the public internet (RFC 6890:
    private, loopback, link-local, shared, reserved); a name that nobody knows is not.

    Asks the resolver. A name may have another address a moment later: who needs to be sure has
    the network refuse it.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    addresses = (ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found)
    return any(not _public(address) for address in addresses)


def _public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast
