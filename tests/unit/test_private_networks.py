"""Which addresses are of the public internet, also where they lead to another one."""

from __future__ import annotations

import pytest

from rota.private_networks import is_private, is_public


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
    ],
)
def test_private_addresses_are_recognised(address: str) -> None:
    assert is_public(address)
    assert not is_private(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "240.0.0.1", "192.0.0.8", "192.88.99.1", "255.255.255.255"),
        *("::1", "::", "fe80::1%lo", "fd00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1"),
        *("::7f00:1", "::ffff:0:7f00:1", "::ffff:a9fe:a9fe"),
        *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808"),
        *("2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2001::1", "2001:0:808:808::1"),
        "2001:db8::1",
    ],
)
def test_public_addresses_are_not_private(address: str) -> None:
    assert not is_public(address)
    assert is_private(address) or "%" in address


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "[::1]", "127.1"])
def test_other_ways_to_write_this_machine_are_not(host: str) -> None:
    assert is_private(host)


def test_an_unresolvable_name_is_not_private() -> None:
    assert not is_private("nobody.invalid")
