"""Talk to the kernel through netlink: requests, attributes, acknowledgements. Wing lab. Reading: netlink(7), rtnetlink(7).

Only what the lab needs: one request, and then its acknowledgement or its dump. No command (`ip`, `ss`) has to be there.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

NETLINK_ROUTE, NETLINK_SOCK_DIAG = 0, 4
REQUEST, ACKNOWLEDGE, DUMP, CREATE_NEW = 0x1, 0x4, 0x300, 0x600
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_READ_BYTES = 1 << 16


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four octets as they all are."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def attributes(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """The attributes in `data`: kind and value."""
    rest = memoryview(data)
    while len(rest) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(rest)
        if length < _ATTRIBUTE.size:
            return
        yield kind, rest[_ATTRIBUTE.size : length]
        rest = rest[length + -length % 4 :]


def message(kind: int, flags: int, body: bytes) -> bytes:
    """A request, ready to be sent."""
    return _HEADER.pack(_HEADER.size + len(body), kind, REQUEST | flags, 0, 0) + body


def _messages(data: bytes) -> Iterator[tuple[int, memoryview]]:
    rest = memoryview(data)
    while len(rest) >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(rest)
        yield kind, rest[_HEADER.size : length]
        rest = rest[length + -length % 4 :]


def _raise(body: memoryview, what: str) -> None:
    (number,) = struct.unpack_from("=i", body)
    if number:
        raise OSError(-number, os.strerror(-number), what)


def command(door: socket.socket, request: bytes, what: str) -> None:
    """Send a request and wait until the kernel has done it. Raises OSError, naming `what`, when it would not."""
    door.send(request)
    for kind, body in _messages(door.recv(_READ_BYTES)):
        if kind == _ERROR:
            _raise(body, what)


def answers(door: socket.socket, what: str) -> list[bytes]:
    """The bodies of the messages that wait. Raises OSError, naming `what`, when the kernel would not."""
    found: list[bytes] = []
    for kind, body in _messages(door.recv(_READ_BYTES)):
        if kind == _ERROR:
            _raise(body, what)
        found.append(bytes(body))
    return found


def dump(door: socket.socket, request: bytes, what: str) -> list[bytes]:
    """The bodies of all messages that answer a request. Raises OSError, naming `what`, when the kernel would not."""
    door.send(request)
    found: list[bytes] = []
    while True:
        for kind, body in _messages(door.recv(_READ_BYTES)):
            if kind == _ERROR:
                _raise(body, what)
            if kind in (_DONE, _ERROR):
                return found
            found.append(bytes(body))
