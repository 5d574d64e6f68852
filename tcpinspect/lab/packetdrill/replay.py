"""A script as a capture: both sides as it tells them, with nobody asked. Wing lab.

    analyze(replay.capture(read(text)))

Ranges of times count from their beginning, `*` happens at once; what a script leaves open (the window of a segment it expects,
"any options") gets a usual value.
"""

from __future__ import annotations

from dataclasses import replace

from tcpinspect.lab.packet import NOT_ECT, wrap
from tcpinspect.lab.packetdrill.result import capture_of
from tcpinspect.lab.packetdrill.script import Script, SegmentEvent
from tcpinspect.lab.wire import START_NS

# Initial sequence numbers of the side under test and of its peer: unlike each other and unlike 0.
_ISN, _PEER_ISN = 3_000_000, 1_000_000
_WINDOW = 65535


def frames(script: Script) -> list[tuple[int, bytes]]:
    """Each segment of the script as an IP packet with its time, in the script's order."""
    around = script.surroundings
    local, remote = script.ports()
    out = []
    now = START_NS
    for number, event in enumerate(script.events):
        now = now + event.when.first_ns if event.when.relative or event.when.anytime else max(now, START_NS + event.when.first_ns)
        if not isinstance(event, SegmentEvent):
            continue
        numbers = (_PEER_ISN, _ISN) if event.injected else (_ISN, _PEER_ISN)
        ends = (around.remote, around.local, remote, local) if event.injected else (around.local, around.remote, local, remote)
        draft = event.draft.shifted(*numbers)
        window = _WINDOW if draft.window is None else draft.window
        draft = replace(draft, src_port=ends[2], dst_port=ends[3], window=window, options=draft.options or ())
        ecn = next(iter(event.ecn), NOT_ECT)
        out.append((now, wrap(draft, ends[0], ends[1], identification=number, ecn=ecn)))
    return out


def capture(script: Script, *, classic: bool = False) -> bytes:
    """The capture file: pcapng, or pcap (`classic`)."""
    return capture_of(frames(script), f"{script.name}, both sides from the script", classic=classic)
