"""A crafted segment as Scapy's packet, and as the expression one would type. Wing: lab. Reading: Scapy's scapy.layers.inet.

Both are made from the same list of layers and arguments, so that the expression cannot say anything else than the packet.
Scapy is imported when a packet is built; writing the expression needs none.
"""

from __future__ import annotations

from typing import Any

from tcpinspect.lab.draft import RAW, Draft, DraftOption
from tcpinspect.protocol.header import MINIMUM_LENGTH

Layers = list[tuple[str, dict[str, Any]]]

_FLAG_LETTERS = "FSRPAUECN"  # Scapy's letters for the nine bits
_FIELDS = {"src_port": "sport", "dst_port": "dport", "seq": "seq", "ack": "ack", "window": "window", "urgent_pointer": "urgptr"}


def packet(layers: Layers) -> Any:
    """The packet of these layers, built by Scapy."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.packet import Raw

    classes = {"IP": IP, "IPv6": IPv6, "TCP": TCP, "Raw": Raw}
    built = None
    for name, arguments in layers:
        layer = classes[name](**arguments)
        built = layer if built is None else built / layer
    return built


def expression(layers: Layers) -> str:
    """The packet of these layers as text: IP(src='192.0.2.1', …)/TCP(sport=49152, …)."""
    return "/".join(f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})" for name, arguments in layers)


def layers_of(draft: Draft, src: str, dst: str, ttl: int) -> Layers:
    """The layers by name, each with the arguments that differ from what Scapy works out by itself."""
    ip: tuple[str, dict[str, Any]]
    if ":" in dst:
        ip = ("IPv6", {"src": src, "dst": dst, "hlim": ttl})
    else:
        ip = ("IP", {"src": src, "dst": dst, "ttl": ttl})
    tcp: dict[str, Any] = {theirs: getattr(draft, ours) for ours, theirs in _FIELDS.items() if getattr(draft, ours) is not None}
    if not draft.urgent_pointer:
        del tcp["urgptr"]
    tcp["flags"] = "".join(letter for bit, letter in enumerate(_FLAG_LETTERS) if draft.flags >> bit & 1)
    if draft.reserved:
        tcp["reserved"] = draft.reserved
    if draft.data_offset is not None:
        tcp["dataofs"] = draft.data_offset
    if draft.checksum is not None:
        tcp["chksum"] = draft.checksum
    octets = draft.payload
    named = [_named(option) for option in draft.options or ()]
    if None not in named:
        if named:
            tcp["options"] = named
    else:
        # Scapy writes the true length of every option; lies go as octets in front of the data, with the offset they would have.
        options = draft.options_bytes()
        tcp.setdefault("dataofs", (MINIMUM_LENGTH + len(options)) // 4)
        octets = options + octets
    found: Layers = [ip, ("TCP", tcp)]
    if octets:
        found.append(("Raw", {"load": octets}))
    return found


def _named(option: DraftOption) -> tuple[Any, Any] | None:
    """The option as Scapy's (name, value); None where Scapy cannot be told."""
    kind, data = option.kind, option.data
    if kind == RAW or option.length is not None:
        return None
    if kind in (0, 1):
        return None if data else (("EOL", "NOP")[kind], None)
    numbers = tuple(int.from_bytes(data[n : n + 4], "big") for n in range(0, len(data), 4))
    if kind == 2 and len(data) == 2:
        return ("MSS", int.from_bytes(data, "big"))
    if kind == 3 and len(data) == 1:
        return ("WScale", data[0])
    if kind == 4 and not data:
        return ("SAckOK", b"")
    if kind == 5 and data and len(data) % 4 == 0:
        return ("SAck", numbers)
    if kind == 8 and len(data) == 8:
        return ("Timestamp", numbers)
    # 14 to 34 have classes and forms of their own in Scapy; by number the octets go out as they are
    return (kind, data)
