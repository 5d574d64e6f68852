"""What came of a script that was played. Wing lab."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcpinspect.capture.writing import RAW_IP, InterfaceToWrite, PcapngWriter, PcapWriter
from tcpinspect.lab.compare import Comparison, compare
from tcpinspect.lab.packetdrill.script import Script
from tcpinspect.lab.timeline import TrueStep
from tcpinspect.lab.wire import Wire

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where script and reality part: the statement, what it expects, what came instead, and in what they differ."""

    script: str
    line: int
    expected: str
    got: str
    why: str

    def __str__(self) -> str:
        return f"{self.script} line {self.line}: expected {self.expected}; got {self.got}: {self.why}"


@dataclass(frozen=True)
class Result:
    """`done` counts the events that went as written; `unmentioned` the segments that came and that no line speaks of."""

    script: Script
    side: str
    wire: Wire
    done: int
    mismatch: Mismatch | None
    unmentioned: int

    @property
    def passed(self) -> bool:
        """Everything happened as the script says."""
        return self.mismatch is None

    @property
    def steps(self) -> list[TrueStep]:
        """The states that the side under test went through."""
        return list(getattr(self.wire.ends["A"], "steps", ()))

    def capture(self, *, classic: bool = False) -> bytes:
        """All segments as a capture, taken at the side under test: pcapng, or pcap (`classic`)."""
        return capture_of(self.wire.frames, f"{self.script.name}, played against {self.side}", classic=classic)

    def analysis(self) -> Analysis:
        """What the engine makes of the capture."""
        from tcpinspect.model.analysis import analyze

        return analyze(self.capture())

    def comparison(self) -> Comparison:
        """The engine's timeline of the side under test beside the true one."""
        return compare(self.analysis().table("timeline").rows(), self.wire)


def capture_of(frames: list[tuple[int, bytes]], comment: str, *, classic: bool = False) -> bytes:
    """IP packets with their times as the octets of a capture file."""
    stream, interface = io.BytesIO(), InterfaceToWrite(RAW_IP, name="script")
    with PcapWriter(stream, interface) if classic else PcapngWriter(stream, [interface], comment=comment) as out:
        for time_ns, packet in frames:
            out.write(packet, time_ns)
    return stream.getvalue()
