"""Write figure-*.pcap: the figures of RFC 9293 and the hard cases that no recording of a healthy kernel contains.

    python captures/figures.py            # all of them, into captures/
    python captures/figures.py -o DIR     # into another directory
    python captures/figures.py --list

Nothing is recorded here: each packet is put together from the lines below, so that the files are the same, octet for octet,
whoever writes them and whenever. Hosts: A is 192.0.2.10, port 4000; B is 198.51.100.20, port 80. Checksums are right.
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path
from typing import NamedTuple

HOSTS = {"A": bytes([192, 0, 2, 10]), "B": bytes([198, 51, 100, 20])}
PORTS = {"A": 4000, "B": 80}
MACS = {"A": bytes.fromhex("00005e00530a"), "B": bytes.fromhex("00005e005314")}
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}
MSS = bytes([2, 4, 5, 180])
# What a SYN may offer, by the word at the end of its line.
OFFERS = {"": MSS, "all": MSS + bytes([4, 2, 1, 3, 3, 7, 0, 0])}
WINDOW = 65535
TTL = 64
BEGIN_S = 1_700_000_000
PCAP_NS, ETHERNET = 0xA1B23C4D, 1


class Figure(NamedTuple):
    """One exchange: what it shows, and its lines `ms host flags seq ack [data]`, ack `-` where the flag is not set."""

    says: str
    lines: str


OPEN = """
    0 A S 100 -
   10 B SA 300 101
   20 A A 101 301
"""
# The numbers are the RFC's where it gives some.
FIGURES: dict[str, Figure] = {
    "figure-6-three-way-handshake": Figure("The basic handshake, and data behind it.", OPEN + "20 A PA 101 301 hello\n 30 B A 301 106"),
    "figure-7-simultaneous-open": Figure(
        "Both SYNs cross, both are answered with SYN-ACK: two active openers, no server.",
        "0 A S 100 -\n 5 B S 300 -\n 15 A SA 100 301\n 20 B SA 300 101\n 30 A A 101 301\n 30 B PA 301 101 hello\n 40 A A 101 306",
    ),
    "figure-8-old-duplicate-syn": Figure(
        "Seen at B: an old SYN comes first, A turns the answer away with a RST, B goes back to LISTEN and the true SYN succeeds.",
        "0 A S 90 -\n 1 B SA 300 91\n 21 A R 91 -\n 25 A S 100 -\n 26 B SA 400 101\n 46 A A 101 401\n 47 A PA 101 401 hello\n"
        "48 B A 401 106",
    ),
    "figure-8-seen-at-a": Figure(
        "The same, seen at A, which never sent the old SYN: the RST changes nothing in SYN-SENT.",
        "0 A S 100 -\n 15 B SA 300 91\n 16 A R 91 -\n 40 B SA 400 101\n 41 A A 101 401\n 42 A PA 101 401 hello\n 62 B A 401 106",
    ),
    "figure-9-half-open-found-by-syn": Figure(
        "A crashes and calls again; B, still ESTABLISHED, answers the SYN with the old numbers, is reset, and the next SYN succeeds.",
        "0 A S 89 -\n 10 B SA 299 90\n 20 A A 90 300\n 30 A PA 90 300 0123456789\n 40 B A 300 100\n"
        "30000 A S 400 -\n 30010 B A 300 100\n 30020 A R 100 -\n 31000 A S 400 -\n 31010 B SA 700 401\n 31020 A A 401 701",
    ),
    "figure-10-half-open-found-by-data": Figure(
        "A crashes; B, which knows nothing of it, sends data and gets a RST.",
        "0 A S 89 -\n 10 B SA 299 90\n 20 A A 90 300\n 30 A PA 90 300 0123456789\n 40 B A 300 100\n"
        "30000 B PA 300 100 0123456789\n 30010 A R 100 -",
    ),
    "figure-11-old-syn-at-two-listeners": Figure(
        "Seen at A: both sides are passive; an old SYN of A (not seen here) makes B answer, A turns it away, both go on listening.",
        "0 B SA 300 101\n 1 A R 101 -",
    ),
    "figure-12-normal-close": Figure(
        "A closes first, four segments, TIME-WAIT is A's.",
        "0 A S 99 -\n 10 B SA 299 100\n 20 A A 100 300\n 1000 A FA 100 300\n 1010 B A 300 101\n 1100 B FA 300 101\n 1110 A A 101 301",
    ),
    "figure-13-simultaneous-close": Figure(
        "The FINs cross: both sides go through CLOSING.",
        "0 A S 99 -\n 10 B SA 299 100\n 20 A A 100 300\n 1000 A FA 100 300\n 1002 B FA 300 100\n 1010 A A 101 301\n 1012 B A 301 101",
    ),
    "figure-reset-in-window": Figure(
        "A RST in A's name, inside the window and not exact: B challenges it (RFC 5961), and the connection lives on to an orderly close.",
        OPEN + "100 A PA 101 301 hello\n 110 B A 301 106\n 200 A R 500 -\n 210 B A 301 106\n 220 A A 106 301\n"
        "300 B PA 301 106 world\n 310 A A 106 306\n 400 A FA 106 306\n 410 B FA 306 107\n 420 A A 107 307",
    ),
    "figure-reset-injected": Figure(
        "RSTs in B's name with numbers that have passed: A ignores them, B never sent them, data goes on both ways.",
        OPEN + "100 A PA 101 301 hello\n 110 B PA 301 106 world\n 120 A A 106 306\n 121 B R 301 -\n 122 B R 303 -\n"
        "130 B PA 306 106 still\n 140 A A 106 311\n 150 A PA 106 311 here\n 160 B A 311 110\n"
        "300 A FA 110 311\n 310 B A 311 111\n 320 B FA 311 111\n 330 A A 111 312",
    ),
    "figure-challenge-ack-in-last-ack": Figure(
        "B's FIN is lost behind the capture point. An old SYN and a RST that is not exact draw challenge ACKs; none of them "
        "acknowledges B's FIN, the last one does.",
        OPEN + "100 A FA 101 301\n 110 B A 301 102\n 200 B FA 301 102\n 210 A S 100 -\n 220 B A 302 102\n 230 B R 350 -\n"
        "240 A A 102 301\n 400 B FA 301 102\n 410 A A 102 302",
    ),
    "figure-overlap-conflict": Figure(
        "A segment comes again with other data under the same numbers; B acknowledges, but what it took nobody can see.",
        OPEN + "100 A PA 101 301 GET-/public\n 105 A PA 105 301 /secret\n 110 B A 301 112\n 200 A FA 112 301\n 210 B FA 301 113\n"
        "220 A A 113 302",
    ),
    "figure-syn-ack-never-acknowledged": Figure(
        "B sends its SYN-ACK four times and never hears a third segment: half-open.",
        "0 A S 100 -\n 10 B SA 300 101\n 1010 B SA 300 101\n 3010 B SA 300 101\n 7010 B SA 300 101",
    ),
    "figure-midstream-close": Figure(
        "The capture begins in the middle; the close is whole.",
        "0 A PA 5000 9000 hello\n 10 B A 9000 5005\n 100 B FA 9000 5005\n 110 A A 5005 9001\n 120 A FA 5005 9001\n 130 B A 9001 5006",
    ),
    "figure-syn-cookie": Figure(
        "A offers all options, B, short of memory, keeps nothing of them: its SYN-ACK has the MSS alone and is never repeated though "
        "the third segment is lost; the request that comes later carries the cookie back and opens.",
        "0 A S 100 - all\n 10 B SA 300 101\n 6000 A PA 101 301 hello\n 6010 B A 301 106",
    ),
}  # fmt: skip


def checksum(data: bytes) -> int:
    """The Internet checksum, RFC 1071."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def frame(host: str, flags: str, seq: int, ack: int, data: bytes, options: bytes, number: int) -> bytes:
    """One Ethernet frame with IPv4 and TCP; `number` is the IP identification."""
    peer = "B" if host == "A" else "A"
    bits = sum(FLAGS[letter] for letter in flags)
    window = 0 if "R" in flags else WINDOW
    tcp = struct.pack(">HHIIBBHHH", PORTS[host], PORTS[peer], seq, ack, (20 + len(options)) << 2, bits, window, 0, 0)
    tcp += options + data
    pseudo = HOSTS[host] + HOSTS[peer] + struct.pack(">HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), number, 0x4000, TTL, 6, 0) + HOSTS[host] + HOSTS[peer]
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return MACS[peer] + MACS[host] + b"\x08\x00" + ip + tcp


def pcap(figure: Figure) -> bytes:
    """The whole file, stamps in nanoseconds."""
    out = [struct.pack("<IHHiIII", PCAP_NS, 2, 4, 0, 0, 65535, ETHERNET)]
    sent = {"A": 0x0A00, "B": 0x1400}
    for line in figure.lines.strip().splitlines():
        ms, host, flags, seq, ack, *rest = line.split()
        sent[host] += 1
        word = rest[0] if rest else ""
        options = OFFERS[word] if "S" in flags else b""
        data = b"" if "S" in flags else word.encode()
        packet = frame(host, flags, int(seq), 0 if ack == "-" else int(ack), data, options, sent[host])
        out.append(struct.pack("<IIII", BEGIN_S + int(ms) // 1000, int(ms) % 1000 * 1_000_000, len(packet), len(packet)) + packet)
    return b"".join(out)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Write figure-*.pcap.")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).resolve().parent, help="directory to write to")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    arguments = parser.parse_args()
    for name, figure in FIGURES.items():
        if arguments.list:
            print(f"{name}.pcap  {figure.says}")
        else:
            (arguments.output / f"{name}.pcap").write_bytes(pcap(figure))


if __name__ == "__main__":
    main()
