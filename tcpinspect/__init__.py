"""tcpinspect shows what TCP really did.

    import tcpinspect as ti
    analysis = ti.analyze("capture.pcap")
    analysis.connections[0].timeline

Names are loaded when first used: importing the package loads no pandas, matplotlib or scapy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tcpinspect.errors import CaptureError, FormatError, TcpinspectError, UsageError
    from tcpinspect.model.analysis import Analysis, analyze
    from tcpinspect.model.connection import Connection, Side
    from tcpinspect.model.live import live
    from tcpinspect.model.table import Table
    from tcpinspect.protocol.rfc9293 import TRANSITIONS, Event, State

_HOMES = {
    "analyze": "tcpinspect.model.analysis", "Analysis": "tcpinspect.model.analysis",
    "Connection": "tcpinspect.model.connection", "Side": "tcpinspect.model.connection", "Table": "tcpinspect.model.table",
    "live": "tcpinspect.model.live",
    "State": "tcpinspect.protocol.rfc9293", "Event": "tcpinspect.protocol.rfc9293", "TRANSITIONS": "tcpinspect.protocol.rfc9293",
    "TcpinspectError": "tcpinspect.errors", "CaptureError": "tcpinspect.errors", "FormatError": "tcpinspect.errors",
    "UsageError": "tcpinspect.errors",
}  # fmt: skip

__all__ = [
    "TRANSITIONS", "Analysis", "CaptureError", "Connection", "Event", "FormatError", "Side", "State", "Table", "TcpinspectError",
    "UsageError", "__version__", "analyze", "lab", "live", "plot",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    import importlib

    if name in ("plot", "lab"):
        return importlib.import_module(f"tcpinspect.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'tcpinspect' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
