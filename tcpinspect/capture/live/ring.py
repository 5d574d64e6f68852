"""The kernel's side of a capture: an AF_PACKET socket and its TPACKET_V3 ring, block by block. Floor 1.

The kernel fills a block of the shared memory and hands it over as a whole, when it is full or after `RETIRE_MS`; nothing is
copied and no call is made for a packet. Reading: packet(7); Documentation/networking/packet_mmap.rst of Linux.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
import threading
from contextlib import suppress

from tcpinspect.capture.live.filter import Program, nothing, packed
from tcpinspect.capture.live.frames import BLOCK_STATUS
from tcpinspect.capture.live.interfaces import NetworkInterface
from tcpinspect.errors import CaptureError, UsageError

RETIRE_MS = 50  # a packet waits no longer in a block that does not fill
# Holds the largest packet that Linux makes without BIG TCP, several times. A block that waits to be read may hold little, so their
# number is how long a reader may be away on a quiet link: 32 MiB last for 128 × RETIRE_MS, more than six seconds.
_BLOCK = 1 << 18
_FRAME = 2048  # only has to divide the block; blocks are filled with packets of any size

# <linux/if_packet.h>, <linux/if_ether.h>, <asm-generic/socket.h>
_SOL_PACKET, _ETH_P_ALL = 263, 3
_ADD_MEMBERSHIP, _DROP_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION = 1, 2, 5, 6, 10
_MR_PROMISC, _TPACKET_V3 = 1, 2
_SO_ATTACH_FILTER = 26
_TO_US, _TO_KERNEL = 1, 0


class Ring:
    """An open socket on one interface (or all: index 0) and the blocks that it fills.

    Deaf until `start`. Raises CaptureError where capturing is not permitted or the kernel has no memory for the ring.
    """

    def __init__(self, interface: NetworkInterface, *, cooked: bool, buffer_mib: int, promiscuous: bool) -> None:
        self.interface = interface
        self.received = self.dropped = 0
        size = max(buffer_mib, 1) << 20
        self.block_size = _BLOCK
        self.blocks = size // self.block_size
        self._next = 0
        self._fence = threading.Lock()
        try:
            # Protocol 0 keeps the socket deaf until it is bound: nothing from another interface slips in.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM if cooked else socket.SOCK_RAW, 0)
        except PermissionError:
            raise NotPermitted(interface.name) from None
        except OSError as error:
            raise CaptureError(f"this system has no packet sockets: {error.strerror}") from None
        try:
            self._allocate(buffer_mib)
            self._memberships = self._promiscuous(interface) if promiscuous else b""
        except BaseException:
            self._socket.close()
            raise
        self.memory = mmap.mmap(self._socket.fileno(), self.blocks * self.block_size, mmap.MAP_SHARED)
        self.octets = memoryview(self.memory)
        self._words = self.octets.cast("I")
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN | select.POLLERR)

    def _allocate(self, buffer_mib: int) -> None:
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        frames = self.blocks * self.block_size // _FRAME
        request = struct.pack("=7I", self.block_size, self.blocks, _FRAME, frames, RETIRE_MS, 0, 0)
        try:
            self._socket.setsockopt(_SOL_PACKET, _RX_RING, request)
        except (MemoryError, OSError) as error:
            what = error.strerror if isinstance(error, OSError) else "no memory"
            raise CaptureError(f"the kernel gives no buffer of {buffer_mib} MiB: {what}; ask for less with -B") from None

    def _promiscuous(self, interface: NetworkInterface) -> bytes:
        """Have the interface also take what is for others. The membership, to end it with."""
        if not interface.index or interface.loopback:
            return b""
        wanted = struct.pack("=iHH8x", interface.index, _MR_PROMISC, 0)
        try:
            self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, wanted)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EPERM):  # it then takes what is for this host, as with -p
                return b""
            raise CaptureError(f"cannot listen on {interface.name}: {error.strerror}") from None
        return wanted

    def filter(self, program: Program) -> None:
        """From now on let in only what the program takes."""
        code = ctypes.create_string_buffer(packed(program))
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))
        except OSError as error:
            raise UsageError(f"the kernel does not take the capture filter ({len(program)} instructions): {error.strerror}") from None

    def start(self) -> None:
        """Listen from now on."""
        # bind(2) itself: the socket module knows interfaces by name only, and all together have none.
        address = struct.pack("=HHiHBB8x", socket.AF_PACKET, socket.htons(_ETH_P_ALL), self.interface.index, 0, 0, 0)
        if ctypes.CDLL(None, use_errno=True).bind(self._socket.fileno(), address, len(address)) < 0:
            raise CaptureError(f"cannot listen on {self.interface.name}: {os.strerror(ctypes.get_errno())}")

    def stop(self) -> None:
        """Let nothing in any more; what came until now arrives within `RETIRE_MS`."""
        self.filter(nothing())
        if self._memberships:
            with suppress(OSError):  # it may have gone with its interface
                self._socket.setsockopt(_SOL_PACKET, _DROP_MEMBERSHIP, self._memberships)
            self._memberships = b""

    def wake_on(self, descriptor: int) -> None:
        """Let `wait` return when this descriptor becomes readable, too."""
        self._poll.register(descriptor, select.POLLIN)

    def wait(self, timeout_s: float) -> bool:
        """Wait until a block is there (True), something else happened, or the time is over. Raises InterfaceGone."""
        if self.ready():
            return True
        for descriptor, event in self._poll.poll(timeout_s * 1000):
            if descriptor == self._socket.fileno() and event & select.POLLERR:
                problem = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if problem:
                    raise InterfaceGone(self.interface.name, problem)
        return self.ready()

    def ready(self) -> bool:
        """Whether the next block is ours."""
        ours = bool(self._words[self._next * self.block_size // 4 + BLOCK_STATUS] & _TO_US)
        with self._fence:  # on machines that reorder loads: what the block holds is read after its status
            return ours

    def block(self) -> int:
        """The octet at which the next block begins."""
        return self._next * self.block_size

    def release(self) -> None:
        """Give the block back to the kernel."""
        with self._fence:
            self._words[self._next * self.block_size // 4 + BLOCK_STATUS] = _TO_KERNEL
        self._next = (self._next + 1) % self.blocks

    def count(self) -> None:
        """Bring `received` (all that passed the filter) and `dropped` (those that found no room) up to date."""
        # tpacket_stats_v3; reading sets it to zero. Its first counter holds the dropped ones, too.
        received, dropped, _ = struct.unpack("=III", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        self.received += received
        self.dropped += dropped

    def close(self) -> None:
        """Stop, and give the memory back as soon as nobody looks at it any more."""
        if self._socket.fileno() < 0:
            return
        self.stop()
        self._socket.close()
        self._words.release()
        with suppress(BufferError):  # somebody may still have a view of it; the last of them ends it
            self.octets.release()
            self.memory.close()


class NotPermitted(CaptureError, PermissionError):
    """This process may not open packet sockets; the message has the ways out."""

    def __init__(self, name: str) -> None:
        from tcpinspect.capture.live.privileges import ways_out

        super().__init__(f"no permission to capture on {name}: {ways_out()}")


class InterfaceGone(CaptureError):
    """The interface was taken down or removed while listening."""

    def __init__(self, name: str, problem: int) -> None:
        super().__init__(f"{name} " + ("was taken down or removed" if problem == errno.ENETDOWN else f"failed: {os.strerror(problem)}"))
