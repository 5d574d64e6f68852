"""Watch the kernel's tracepoint sock:inet_sock_set_state: each state it sets, with its moment. Needs root. Wing lab.

Reading: perf_event_open(2), <linux/perf_event.h>, Documentation/trace/events.rst, fsopen(2).

It sees what a reading of sock_diag after each packet cannot: states that begin and end within one packet. It does not see
what sock_diag shows: SYN-RECEIVED before the third segment, TIME-WAIT (the kernel swaps the socket for a small one and
calls the old one CLOSE), and embryonic connections that time out. So `truth` joins the two.

The events come through perf and not through the files of tracefs: what watches is then a descriptor, which nobody has to
clean up after a kill. tracefs only tells the event's number and layout, and is mounted nowhere for that.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import re
import socket
import struct
import time
from collections.abc import Container, Iterator
from typing import NamedTuple, Self

from tcpinspect.errors import LabError
from tcpinspect.lab.kernel.sockdiag import LINUX_STATES, address_text
from tcpinspect.protocol.rfc9293 import State

_EVENT = "events/sock/inet_sock_set_state"
_TRACEFS_PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
# System call numbers: those since Linux 5.2 are the same on every architecture, that of 2.6.31 is not.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_FSCONFIG_CMD_CREATE = 6
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "loongarch64": 241, "ppc64le": 319, "s390x": 331, "armv7l": 364}
# <linux/perf_event.h>
_TYPE_TRACEPOINT, _SAMPLE_TIME, _SAMPLE_RAW, _USE_CLOCKID, _FLAG_CLOEXEC = 2, 1 << 2, 1 << 10, 1 << 25, 8
_ATTRIBUTES = struct.Struct("=IIQQQQQIIQQQQIiQIIHHIQQ")
_RECORD_SAMPLE, _RECORD_LOST = 9, 2
_HEAD, _TAIL = 1024, 1032
BUFFER_PAGES = 64
# More octets than an event of this tracepoint takes.
_EVENT_ROOM = 256

_libc = ctypes.CDLL(None, use_errno=True)


class StateChange(NamedTuple):
    """One state that the kernel set. `socket` is the same number for the same socket; `time_ns` since 1970."""

    time_ns: int
    socket: int
    address: str
    port: int
    peer_address: str
    peer_port: int
    from_state: State
    to_state: State


class Tracepoint:
    """The state changes of TCP sockets with one of these local addresses, on the whole machine, from now on.

    The events carry no namespace: take addresses that only your namespaces use. A context manager; `take` gives what came
    since the last time, `lost` counts what the kernel had no room for; it tells so with the next event only, and `full` counts
    how often a buffer was found with no room for one. Raises LabError without root or where the kernel
    has no such tracepoint: `sockdiag` alone must do then.
    """

    def __init__(self, addresses: Container[str], *, pages: int = BUFFER_PAGES) -> None:
        """`pages` of memory for each processor, a power of two: an event takes about a hundred octets until it is taken."""
        self._addresses = addresses
        self.lost = 0
        self.full = 0
        self._rings: list[_Ring] = []
        try:
            number, layout = _describe()
            self._fields = layout
            for cpu in _online_cpus():
                self._rings.append(_Ring(number, cpu, pages))
        except OSError as error:
            self.close()
            if isinstance(error, LabError):
                raise
            raise LabError(f"the kernel's tracepoint inet_sock_set_state is closed ({error.strerror}): it needs root") from error
        self._offset = _realtime_minus_monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching."""
        for ring in self._rings:
            ring.close()
        self._rings.clear()

    def take(self) -> list[StateChange]:
        """What was set since the last call, in the order in which it happened; without the no-op changes."""
        changes = []
        for ring in self._rings:
            self.full += ring.is_full()
            for kind, body in ring.records():
                if kind == _RECORD_LOST:
                    self.lost += struct.unpack_from("=Q", body, 8)[0]
                elif kind == _RECORD_SAMPLE and (change := self._parse(body)) is not None:
                    changes.append(change)
        return with_ports(sorted(changes))

    def _parse(self, body: bytes) -> StateChange | None:
        time_ns, size = struct.unpack_from("=QI", body)
        raw = body[12 : 12 + size]

        def number(name: str) -> int:
            at, length = self._fields[name]
            return int.from_bytes(raw[at : at + length], "little" if struct.pack("=H", 1)[0] else "big")

        def address(name: str) -> str:
            at, length = self._fields[name + "_v6" if number("family") == socket.AF_INET6 else name]
            return address_text(socket.AF_INET if length == 4 else socket.AF_INET6, raw[at : at + length])

        states = LINUX_STATES.get(number("oldstate")), LINUX_STATES.get(number("newstate"))
        if number("protocol") != socket.IPPROTO_TCP or states[0] is None or states[1] is None or states[0] == states[1]:
            return None
        if (local := address("saddr")) not in self._addresses:
            return None
        return StateChange(
            time_ns + self._offset, number("skaddr"), local, number("sport"), address("daddr"), number("dport"), states[0], states[1]
        )


def with_ports(changes: list[StateChange]) -> list[StateChange]:
    """The same changes with the ports that the kernel had not chosen yet: those of the socket's next change.

    On the way to SYN-SENT the source port is printed as 0. Where no later change tells it stays so.
    """
    later: dict[int, StateChange] = {}
    out = []
    for change in reversed(changes):
        known = later.get(change.socket)
        if change.port == 0 and known is not None and (known.peer_address, known.peer_port) == (change.peer_address, change.peer_port):
            change = change._replace(port=known.port)
        later[change.socket] = change
        out.append(change)
    return out[::-1]


class _Ring:
    """The kernel's buffer of events of one processor."""

    def __init__(self, event: int, cpu: int, pages: int) -> None:
        size = _ATTRIBUTES.size
        self._size = mmap.PAGESIZE * pages
        attributes = _ATTRIBUTES.pack(
            _TYPE_TRACEPOINT, size, event, 1, _SAMPLE_TIME | _SAMPLE_RAW, 0, _USE_CLOCKID, 1, 0, 0, 0, 0, 0, 0, time.CLOCK_MONOTONIC,
            0, 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        number = _PERF_EVENT_OPEN.get(platform.machine())
        if number is None:
            raise LabError(f"the kernel's tracepoints cannot be watched on {platform.machine()}: sock_diag alone must do")
        self._descriptor = _system_call(number, ctypes.create_string_buffer(attributes, size), -1, cpu, -1, _FLAG_CLOEXEC)
        try:
            self._pages = mmap.mmap(self._descriptor, mmap.PAGESIZE + self._size)
        except OSError:
            os.close(self._descriptor)
            raise

    def is_full(self) -> bool:
        """There may be no room for one more event."""
        head, tail = struct.unpack_from("=QQ", self._pages, _HEAD)
        return bool(head - tail > self._size - _EVENT_ROOM)

    def records(self) -> Iterator[tuple[int, bytes]]:
        """The events that wait, kind and body, oldest first; they leave the buffer."""
        size = self._size
        head, tail = struct.unpack_from("=QQ", self._pages, _HEAD)
        while tail < head:
            kind, _, length = struct.unpack("=IHH", self._read(tail % size, 8, size))
            yield kind, self._read((tail + 8) % size, length - 8, size)
            tail += length
            struct.pack_into("=Q", self._pages, _TAIL, tail)

    def _read(self, at: int, length: int, size: int) -> bytes:
        first = min(length, size - at)
        start = mmap.PAGESIZE
        return self._pages[start + at : start + at + first] + self._pages[start : start + length - first]

    def close(self) -> None:
        self._pages.close()
        os.close(self._descriptor)


def _system_call(number: int, *arguments: object) -> int:
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)


def _describe() -> tuple[int, dict[str, tuple[int, int]]]:
    """The tracepoint's number, and offset and size of each of its fields."""
    for place in _TRACEFS_PLACES:
        if os.path.isdir(f"{place}/{_EVENT}"):
            root = os.open(place, os.O_PATH | os.O_CLOEXEC)
            break
    else:
        context = _system_call(_FSOPEN, b"tracefs", 1)
        try:
            _system_call(_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0)
            root = _system_call(_FSMOUNT, context, 1, 0)
        finally:
            os.close(context)
    try:
        number, layout = (_read_at(root, f"{_EVENT}/{name}") for name in ("id", "format"))
    finally:
        os.close(root)
    fields = re.findall(r"field:[^;]*?(\w+)(?:\[\d+\])?;\s*offset:(\d+);\s*size:(\d+);", layout)
    return int(number), {name: (int(offset), int(size)) for name, offset, size in fields}


def _read_at(root: int, path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=root)
    with open(descriptor, encoding="ascii") as file:
        return file.read()


def _online_cpus() -> Iterator[int]:
    """Numbers from a list such as 0-3,6."""
    with open("/sys/devices/system/cpu/online", encoding="ascii") as file:
        for part in file.read().strip().split(","):
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1)


def _realtime_minus_monotonic() -> int:
    """The distance of the two clocks, by the closest of some pairs of readings."""
    best = None
    for _ in range(5):
        before, real, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = after - before, real - (before + after) // 2
    assert best is not None
    return best[1]
