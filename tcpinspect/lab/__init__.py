"""The laboratory: segments crafted, endpoints played, real kernels asked. A wing: only the command and the package's door enter it.

    ti.lab.craft("S seq=1000 <mss 1460>", dst_port=80).draw()
    with ti.lab.TwoHosts() as hosts: client, server = hosts.connect()
    ti.lab.sniff(port=8080, timeout=5).analysis()
    ti.lab.run("simultaneous-close", ends="kernels").analysis()

Names are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcpinspect.lab.crafting import Crafted, Exchange, craft, exchange
    from tcpinspect.lab.draft import Draft, DraftOption
    from tcpinspect.lab.endpoint import Endpoint, Settings
    from tcpinspect.lab.ends import EndpointEnd
    from tcpinspect.lab.hosts import TwoHosts
    from tcpinspect.lab.kernel.end import KernelEnd
    from tcpinspect.lab.namespaces import Namespace, usable
    from tcpinspect.lab.notation import parse
    from tcpinspect.lab.rules import rule
    from tcpinspect.lab.scapy_sniff import Sniffed, sniff, sniffing
    from tcpinspect.lab.scenario import Played, run
    from tcpinspect.lab.wire import Wire

_HOMES = {
    "Crafted": "tcpinspect.lab.crafting", "Exchange": "tcpinspect.lab.crafting", "craft": "tcpinspect.lab.crafting",
    "exchange": "tcpinspect.lab.crafting", "Draft": "tcpinspect.lab.draft", "DraftOption": "tcpinspect.lab.draft",
    "Played": "tcpinspect.lab.scenario", "run": "tcpinspect.lab.scenario",
    "parse": "tcpinspect.lab.notation", "Sniffed": "tcpinspect.lab.scapy_sniff",
    "sniff": "tcpinspect.lab.scapy_sniff", "sniffing": "tcpinspect.lab.scapy_sniff",
    "Endpoint": "tcpinspect.lab.endpoint", "Settings": "tcpinspect.lab.endpoint", "EndpointEnd": "tcpinspect.lab.ends",
    "Wire": "tcpinspect.lab.wire", "rule": "tcpinspect.lab.rules", "TwoHosts": "tcpinspect.lab.hosts",
    "KernelEnd": "tcpinspect.lab.kernel.end", "Namespace": "tcpinspect.lab.namespaces", "usable": "tcpinspect.lab.namespaces",
}  # fmt: skip

__all__ = [
    "Crafted", "Draft", "DraftOption", "Endpoint", "EndpointEnd", "Exchange", "KernelEnd", "Namespace", "Played", "Settings", "Sniffed",
    "TwoHosts", "Wire", "craft", "exchange", "parse", "rule", "run", "sniff", "sniffing", "usable",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'tcpinspect.lab' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
