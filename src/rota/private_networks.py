"""Where messages may be sent: not into a private network that only this machine reaches."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_HOLD_IPV4 = (
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("::/96"), 0),  # compatible
)
"""Networks whose addresses lead to the IPv4 address in them, and how many bits follow it."""

_PRIVATE = (
    IPv4Network("192.0.0.0/24"),  # for protocols
    IPv4Network("192.88.99.0/24"),  # the relays of 6to4
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a network's own
    IPv6Network("2001::/32"),  # Teredo: it leads through the host that the address names
    IPv6Network("fec0::/10"),
)


def is_private(host: str) -> bool:
    """Return whether a host is, or has, an address that is not of the public internet (RFC 6890:
    private, loopback, link-local, shared, reserved), or leads to one (NAT64, 6to4, Teredo). An
    unknown name is not private.

    Asks the resolver. A name may have another address a moment later: to be sure, block such
    addresses in the network.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(not is_public(str(address[0])) for *_, address in found)


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet; raises ValueError for a text that is
    no address.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return _of_everybody(found)
    for network, behind in _HOLD_IPV4:
        if found in network:
            return _of_everybody(IPv4Address(int(found) >> behind & 0xFFFFFFFF))
    return _of_everybody(found)


def _of_everybody(address: IPv4Address | IPv6Address) -> bool:
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _PRIVATE)
