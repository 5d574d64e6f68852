"""What both sides offered in their SYNs and what holds because of it. Floor 4. Reading: RFC 9293 §3.7.1, RFC 7323, RFC 2018, RFC 3168."""

from __future__ import annotations

from typing import Any, NamedTuple

from tcpinspect.insight.phrases import UNKNOWN, number
from tcpinspect.protocol import header

# A SYN beyond so many segments belongs to no handshake worth searching for in a long connection.
_SEARCH = 200
_NOT_SEEN = "not seen"


class OptionRow(NamedTuple):
    """One thing to negotiate: what the client offered, what the server offered, what is in force, and its RFC."""

    name: str
    client: str
    server: str
    in_force: str
    rfc: str


def negotiated(connection: Any) -> list[OptionRow]:
    """The table of negotiated options of a connection; empty where no SYN was captured."""
    client, server = _syns(connection)
    if client is None and server is None:
        return []
    both = client is not None and server is not None
    return [
        _mss(client, server, connection),
        _scale(client, server),
        _agreed("Selective acknowledgments (SACK)", client, server, both, lambda s: s.sack_permitted, "RFC 2018 §2"),
        _agreed("Timestamps", client, server, both, lambda s: s.ts_val is not None, "RFC 7323 §3"),
        _ecn(client, server, both),
    ]


def _syns(connection: Any) -> tuple[Any, Any]:
    found: dict[bool, Any] = {}
    for segment in connection.first_segments(_SEARCH):
        if segment.tcp_flags & header.SYN and not segment.tcp_flags & header.RST:
            found.setdefault(segment.from_client, segment)
            if len(found) == 2:
                break
    return found.get(True), found.get(False)


def _mss(client: Any, server: Any, connection: Any) -> OptionRow:
    default = header.DEFAULT_MSS_IPV6 if ":" in connection.client.address else header.DEFAULT_MSS_IPV4
    limits = [
        f"{who} sends at most {number(syn.mss if syn.mss is not None else default)}"
        for who, syn in (("client", server), ("server", client))
        if syn is not None
    ]
    offers = [
        _NOT_SEEN if syn is None else number(syn.mss) if syn.mss is not None else f"not offered ({default} is meant)"
        for syn in (client, server)
    ]
    return OptionRow("Maximum segment size, octets", offers[0], offers[1], ", ".join(limits), "RFC 9293 §3.7.1")


def _scale(client: Any, server: Any) -> OptionRow:
    def offer(syn: Any) -> str:
        if syn is None:
            return _NOT_SEEN
        return (
            "not offered" if syn.window_shift is None else f"{syn.window_shift} (×{1 << min(syn.window_shift, header.MAX_WINDOW_SHIFT):,})"
        )

    if client is None or server is None:
        force = UNKNOWN
    elif client.window_shift is None or server.window_shift is None:
        force = "no: windows as they stand, at most 65,535"
    else:
        force = "yes, each side's own"
    return OptionRow("Window scale", offer(client), offer(server), force, "RFC 7323 §2")


def _agreed(name: str, client: Any, server: Any, both: bool, has: Any, rfc: str) -> OptionRow:
    offers = [_NOT_SEEN if syn is None else "offered" if has(syn) else "not offered" for syn in (client, server)]
    force = ("yes" if has(client) and has(server) else "no") if both else UNKNOWN
    return OptionRow(name, offers[0], offers[1], force, rfc)


def _ecn(client: Any, server: Any, both: bool) -> OptionRow:
    # RFC 3168 §6.1.1: an ECN-setup SYN has ECE and CWR, its answer ECE alone.
    asked = client is not None and client.tcp_flags & (header.ECE | header.CWR) == header.ECE | header.CWR
    granted = server is not None and server.tcp_flags & (header.ECE | header.CWR) == header.ECE
    offers = [_NOT_SEEN if syn is None else "offered" if yes else "not offered" for syn, yes in ((client, asked), (server, granted))]
    return OptionRow(
        "Congestion notification (ECN)",
        offers[0],
        offers[1],
        ("yes" if asked and granted else "no") if both else UNKNOWN,
        "RFC 3168 §6.1.1",
    )
