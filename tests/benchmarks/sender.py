"""Send a known number of small TCP frames at a known rate: `python sender.py IFACE RATE SECONDS`.

Beside the package. Frames go out in batches through sendmmsg(2), one system call for many, so Python holds the rate.
Prints what was sent as one line of JSON. Only for interfaces of a namespace that was made for it.
"""

from __future__ import annotations

import ctypes
import json
import socket
import struct
import sys
import time

FRAME_OCTETS = 74  # a SYN with twenty octets of options, as Linux sends it
BATCH = 256
_SOL_PACKET, _QDISC_BYPASS = 263, 20


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vector", ctypes.POINTER(_Vector)), ("vectors", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t), ("flags", ctypes.c_int), ("sent", ctypes.c_uint),
    )  # fmt: skip


def frame(number: int) -> bytes:
    """A SYN of 74 octets between addresses reserved for documentation (RFC 5737); port and sequence vary."""
    ethernet = bytes.fromhex("0200000000020200000000010800")
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 60, number & 0xFFFF, 0, 64, 6, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    options = bytes.fromhex("020405b40402080a") + struct.pack("!II", number & 0xFFFFFFFF, 0) + bytes.fromhex("01030307")
    tcp = struct.pack("!HHIIBBHHH", 1024 + number % 60000, 80, number & 0xFFFFFFFF, 0, 0xA0, 2, 64240, 0, 0)
    return ethernet + ip + tcp + options


def send(interface: str, rate: int, seconds: float) -> dict[str, float]:
    """Send `rate` frames a second for so long, and tell how many the kernel took."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.bind((interface, 0))
    out.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    buffers = [ctypes.create_string_buffer(frame(number), FRAME_OCTETS) for number in range(BATCH)]
    vectors = (_Vector * BATCH)(*(_Vector(ctypes.addressof(one), FRAME_OCTETS) for one in buffers))
    messages = (_Message * BATCH)()
    for number in range(BATCH):
        messages[number].vector = ctypes.pointer(vectors[number])
        messages[number].vectors = 1
    wanted, sent, refused = int(rate * seconds), 0, 0
    start = time.monotonic()
    while sent < wanted:
        due = min(wanted, int((time.monotonic() - start) * rate)) - sent
        if due < BATCH and sent + BATCH <= wanted:
            time.sleep(0.0002)
            continue
        taken = libc.sendmmsg(out.fileno(), messages, min(BATCH, wanted - sent), 0)
        if taken > 0:
            sent += taken
        else:
            refused += 1
    spent = time.monotonic() - start
    return {"sent": sent, "seconds": round(spent, 3), "rate": round(sent / spent), "refused": refused}


if __name__ == "__main__":
    print(json.dumps(send(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
