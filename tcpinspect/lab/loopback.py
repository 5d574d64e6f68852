"""Craft a TCP client on plain loopback without the kernel's RST: a listener that drops all. Wing lab. Reading: socket(7), bpf(2).

    with reserve("127.0.0.1") as port:
        syn = IP(dst="127.0.0.1") / TCP(sport=port, dport=80, flags="S")     # any crafted segment, from this port

The kernel answers the SYN-ACK of a connection it does not know with a RST, and the crafted handshake dies. A listening socket
on the crafted port makes the kernel find somebody, and a socket filter that keeps nothing makes it drop what comes: silently,
and without a firewall rule. Sniffers see everything as before, and nobody else gets the port meanwhile.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from tcpinspect.errors import LabError

# <asm-generic/socket.h>, <linux/filter.h>: BPF_RET | BPF_K with 0, "keep no octet of the packet".
_SO_ATTACH_FILTER = 26
_KEEP_NOTHING = struct.pack("=HBBI", 0x06, 0, 0, 0)


@contextmanager
def reserve(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Keep the kernel silent about one local port while the block runs; port 0 takes a free one. Gives the port.

    Needs no privilege (but the crafting itself does, or a private namespace). Raises LabError where the port is in use.
    """
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as listener:
        try:
            listener.bind((address, port))
        except OSError as error:
            raise LabError(f"port {port} of {address} cannot be reserved ({error.strerror}): take another, or 0 for a free one") from error
        # The filter comes before listen, so that there is no moment in which the kernel would answer.
        drop_all(listener)
        listener.listen(1)
        yield int(listener.getsockname()[1])


def drop_all(listener: socket.socket) -> None:
    """Attach the filter that keeps nothing."""
    program = ctypes.create_string_buffer(_KEEP_NOTHING, len(_KEEP_NOTHING))
    # struct sock_fprog: the number of instructions, and where they are.
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(program)))
