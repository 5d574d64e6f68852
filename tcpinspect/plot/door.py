"""What a picture can be drawn of: said at the door, where a capture and a connection are easily mixed up. Floor 4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tcpinspect.errors import WrongKind


def one_connection(what: Any, picture: str) -> None:
    """Let one connection pass. Raises WrongKind for an analysis, a list of connections, or anything else."""
    if _is_connection(what):
        return
    raise WrongKind(f"{picture} draws one connection{_instead(what)}: give it analysis.connections[0]")


def whole_capture(what: Any, picture: str) -> None:
    """Let an analysis pass. Raises WrongKind for one of its connections, or anything else."""
    if hasattr(what, "connection_rows"):
        return
    raise WrongKind(f"{picture} draws a whole capture{_instead(what)}: give it the analysis, as analyze() returns it")


def connections_of(what: Any, picture: str) -> Sequence[Any]:
    """The connections of an analysis, those of a list, or the one. Raises WrongKind for anything else."""
    if hasattr(what, "connections"):
        return what.connections
    several = [what] if _is_connection(what) else list(what) if isinstance(what, Iterable) else []
    if all(map(_is_connection, several)) and (several or isinstance(what, Iterable)):
        return several
    raise WrongKind(f"{picture} draws connections{_instead(what)}: give it an analysis, one of its connections, or a list of these")


def frame_taken_apart(what: Any, picture: str) -> None:
    """Let a dissection pass. Raises WrongKind for anything else."""
    if hasattr(what, "octets") and hasattr(what, "layers"):
        return
    raise WrongKind(f"{picture} draws one frame taken apart{_instead(what)}: give it tcpinspect.insight.dissect.frame_of(path, frame)")


def octets_of_segment(what: Any, picture: str) -> bytes:
    """The octets of a segment: `what` itself, or its `segment`. Raises WrongKind where it has none."""
    octets = what if isinstance(what, (bytes, bytearray, memoryview)) else getattr(what, "segment", None)
    if isinstance(octets, (bytes, bytearray, memoryview)):
        return bytes(octets)
    raise WrongKind(
        f"{picture} draws the header of one segment{_instead(what)}: give it its octets, what tcpinspect.lab.craft() "
        "made, or tcpinspect.insight.dissect.frame_of(path, frame)"
    )


def _is_connection(what: Any) -> bool:
    return hasattr(what, "stream") and hasattr(what, "timeline")


def _instead(what: Any) -> str:
    """What was given, by the name of its type."""
    return f", not {'a list' if isinstance(what, (list, tuple)) else _with_article(type(what).__name__)}"


def _with_article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}" if name != "NoneType" else "None"
