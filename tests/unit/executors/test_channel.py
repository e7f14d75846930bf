"""Messages over a socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from rota.executors.processes.channel import Channel

Pair = tuple[Channel, Channel, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends, and the raw socket of the first."""
    left, right = socket.socketpair()
    ends = Channel(left), Channel(right)
    yield (*ends, left)
    for end in ends:
        end.close()


def test_messages_arrive_in_order(pair: Pair) -> None:
    left, right, _ = pair
    messages = [["a", "line\nbreak"], {"b": None}, 3, "ü\ud800"]
    for message in messages:
        left.send(message)
    assert [right.receive() for _ in messages] == messages


def test_a_message_may_come_in_pieces(pair: Pair) -> None:
    _, right, sock = pair
    sock.sendall(b'["hal')
    assert right.receive_some() == []
    sock.sendall(b'f"]\n["whole"]\n')
    assert right.receive_some() == [["half"], ["whole"]]


def test_what_a_death_cut_short_is_left_out(pair: Pair) -> None:
    _, right, sock = pair
    sock.sendall(b'["log", "WARN\n["died", 9]\n\xff\n')
    assert right.receive_some() == [["died", 9]]


def test_the_end_is_none(pair: Pair) -> None:
    left, right, _ = pair
    left.send(1)
    left.finish()
    assert [right.receive(), right.receive()] == [1, None]
    right.close()
    with pytest.raises(OSError):
        left.send(2)
    left.finish()
