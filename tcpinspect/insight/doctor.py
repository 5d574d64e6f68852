"""The health of a capture: what is wrong with the recording itself, what that does to the analysis, what to do. Floor 3.

Reading: RFC 9293 §3.1 (checksum), §3.7.1 (MSS), RFC 7323 §5.4. A capture that lies makes every later verdict doubtful, so this
is asked first. The signs come from `engine.signs`; `Capture.health` has them. Ids and grades stand in `finding_kinds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tcpinspect.insight.finding_kinds import KINDS
from tcpinspect.insight.phrases import count, listing, octets, times


class Diagnosis(NamedTuple):
    """One fault of a capture. `frame`: the first that shows it; `streams`: those it touches, empty for the whole capture."""

    id: str
    severity: str
    title: str
    text: str
    effect: str
    remedy: str
    count: int  # type: ignore[assignment]  # the findings table calls it so; nobody asks a row for tuple.count
    frame: int | None
    streams: frozenset[int]


# id → (what it does to the analysis, what to do about it)
_ADVICE: dict[str, tuple[str, str]] = {
    "TI-CAP-01": (
        "Gaps, missing handshakes and missing closes may be the capture's; loss in it says nothing of the network.",
        "Capture again with a larger buffer (tcpdump -B 65536), a capture filter, a snap length (-s 128), or onto a faster disk.",
    ),
    "TI-CAP-02": (
        "Sequence numbers and states are exact, lengths come from the IP header; only checksums cannot be verified.",
        "Nothing, unless contents matter; then capture whole packets (tcpdump -s 0).",
    ),
    "TI-CAP-03": (
        "What stands behind the damage is not part of the analysis.",
        "Copy the file again; a capture still being written is complete only when the capturing program has ended.",
    ),
    "TI-CAP-04": (
        "Durations and round-trip times across the step are wrong; order and states are not touched.",
        "Keep the clock from being set during a capture (chrony and ntpd slew it); do not join files in the wrong order.",
    ),
    "TI-CAP-05": (
        "Copies look like retransmissions, duplicate acknowledgments and late segments; counts of packets are too high.",
        "Capture on one interface instead of any, mirror one direction of a port only, or take the copies out: editcap -d.",
    ),
    "TI-CAP-06": (
        "Late segments look as if the network had reordered them, and acknowledgments as if they came before their data.",
        "Sort by time (reordercap), capture on one queue or one interface, or let the network card set the stamps.",
    ),
    "TI-CAP-07": (
        "The network did not lose these octets: counts of loss are not to be trusted, nor are states that a lost FIN would have changed.",
        "Capture again with a larger buffer (tcpdump -B 65536) or a narrower filter; check that every path passes the capturing point.",
    ),
    "TI-CAP-08": (
        "Round-trip times, windows and the states of the silent side are unknown; connections look unanswered or never closed.",
        "Mirror both directions of the port; check for asymmetric routes and for a capture filter on one address only (src or dst).",
    ),
    "TI-CAP-09": (
        "Packets on the network were smaller and more: counts of segments, and what one loss costs, are not those of the wire.",
        "Take it on the way or at the other end, or switch it off: ethtool -K eth0 gro off lro off tso off gso off.",
    ),
    "TI-CAP-10": (
        "Nothing: such a checksum is not taken as an error.",
        "Nothing; the capture was taken on the machine that sent them, before its network card finished them.",
    ),
    "TI-CAP-11": (
        "Durations and times across the leap are too long, such as a retransmission timeout or the length of a connection.",
        "Keep the clock from being set during a capture. A sender that slept meanwhile looks the same.",
    ),
    "TI-CAP-12": (
        "Their options, window scale and initial sequence numbers are unknown; who opened them is assumed.",
        "Begin the capture before the programs connect, or restart them.",
    ),
    "TI-CAP-13": (
        "Bad checksums say nothing here: no segment is taken as damaged because of them.",
        "Nothing; if the tool that rewrote the capture can correct checksums, use that (tcprewrite --fixcsum).",
    ),
    "TI-CAP-14": (
        "Those checksums say nothing: what the other side acknowledged did arrive.",
        "Nothing; the capture was taken on that host, before its network card wrote the checksums (ethtool -K eth0 tx off).",
    ),
    "TI-CAP-15": (
        "Times, durations and round trips mean nothing there; numbers, states and the order of packets are not touched.",
        "Capture with a program that writes a time to every packet, such as tcpdump or dumpcap.",
    ),
}

# A finding → the faults that imitate it.
_IMITATES: dict[str, tuple[str, ...]] = {
    "TI-LOSS-01": ("TI-CAP-05", "TI-CAP-06"),
    "TI-LOSS-02": ("TI-CAP-05", "TI-CAP-06"),
    "TI-LOSS-03": ("TI-CAP-07", "TI-CAP-06", "TI-CAP-01", "TI-CAP-08"),
    "TI-LOSS-04": ("TI-CAP-05", "TI-CAP-06"),
    "TI-LOSS-05": ("TI-CAP-05",),
    "TI-SUM-01": ("TI-CAP-13", "TI-CAP-14"),
    "TI-OPEN-02": ("TI-CAP-08", "TI-CAP-01"),
    "TI-OPEN-03": ("TI-CAP-08", "TI-CAP-01"),
    "TI-OPEN-08": ("TI-CAP-04", "TI-CAP-11"),
    "TI-CLOSE-01": ("TI-CAP-08", "TI-CAP-01", "TI-CAP-07"),
    "TI-CLOSE-02": ("TI-CAP-08", "TI-CAP-01", "TI-CAP-07"),
}
_BECAUSE: dict[str, str] = {
    "TI-CAP-01": "the capture lost packets",
    "TI-CAP-04": "the clock of the capture went backwards",
    "TI-CAP-05": "packets of this connection were captured twice",
    "TI-CAP-06": "the capture shuffled its packets",
    "TI-CAP-07": "the capture lacks segments that did arrive",
    "TI-CAP-08": "one direction of this connection was not captured",
    "TI-CAP-11": "the clock of the capture leapt forward",
    "TI-CAP-13": "no checksum in this capture is right",
    "TI-CAP-14": "the sender's network card writes them after the capture",
}
_CUT_OFF = "cut off by the snap length"  # the engine's word, engine.links.REASONS
# Reordering on the wire is told apart only where a segment and its acknowledgment, or the receiver's silence, prove it.
_ORDER = ("disordered", "late", "swapped")


def diagnose(connections: Iterable[Any], capture: Any) -> list[Diagnosis]:
    """What is wrong with a capture, by id; an empty list for a healthy one.

    `connections` are rows of that table; `capture` has .drops, .snaplen_cut, .steps_back, .untimed, .warnings, .checksums and .health
    (name of a sign → count, frame, streams, octets).
    """
    signs: Mapping[str, Any] = getattr(capture, "health", None) or {}
    out = [*_lost(capture, signs), *_clock(capture, signs), *_damaged(capture), *_order(signs)]
    rows = list(connections)
    older = [row for row in rows if row.handshake == "none"]
    frame = min((row.first_frame for row in older), default=0)
    return [*out, *_sides(len(rows), signs), *_offload(capture, signs), *_older(len(older), frame, frozenset(row.stream for row in older))]


def diagnose_counted(connections: int, older: int, older_frame: int, capture: Any) -> list[Diagnosis]:
    """The same where only numbers of connections are known: all, those older than the capture, and the first frame of these."""
    signs: Mapping[str, Any] = getattr(capture, "health", None) or {}
    out = [*_lost(capture, signs), *_clock(capture, signs), *_damaged(capture), *_order(signs)]
    return [*out, *_sides(connections, signs), *_offload(capture, signs), *_older(older, older_frame, frozenset())]


def doubt(finding: str, stream: int, diagnoses: Iterable[Diagnosis]) -> str:
    """A sentence for a finding of this id about this stream that faults of the capture imitate; "" without such a fault."""
    present = {one.id: one for one in diagnoses}
    reasons = []
    for kind in _IMITATES.get(finding, ()):
        one = present.get(kind)
        if one is not None and (not one.streams or stream in one.streams):
            reasons.append(f"{_BECAUSE[kind]} ({kind})")
    return f"Doubtful: {listing(reasons)}." if reasons else ""


def _diagnosis(kind: str, number: int, text: str, frame: int | None = None, streams: frozenset[int] = frozenset()) -> Diagnosis:
    effect, remedy = _ADVICE[kind]
    return Diagnosis(kind, KINDS[kind].severity, KINDS[kind].title, text, effect, remedy, number, frame, streams)


def _were(number: int, noun: str) -> str:
    return f"{count(number, noun)} {'was' if number == 1 else 'were'}"


def _lost(capture: Any, signs: Mapping[str, Any]) -> Iterable[Diagnosis]:
    if capture.drops:
        text = f"Whoever captured reports that {_were(capture.drops, 'packet')} lost: gaps may be the capture's, not the network's."
        yield _diagnosis("TI-CAP-01", capture.drops, text)
    if capture.snaplen_cut:
        text = f"{_were(capture.snaplen_cut, 'packet')} cut short by the snap length: their checksums cannot be verified."
        headless = (getattr(capture, "not_tcp", None) or {}).get(_CUT_OFF, 0)
        if headless:
            text += f" {_were(headless, 'packet')} cut inside the headers and cannot be told to be TCP."
        yield _diagnosis("TI-CAP-02", capture.snaplen_cut, text, signs["cut"].frame if "cut" in signs else None)


def _clock(capture: Any, signs: Mapping[str, Any]) -> Iterable[Diagnosis]:
    back = signs.get("steps_back")
    # Without signs there is only the number of packets older than the one before them.
    number = back.count if back else 0 if signs else getattr(capture, "steps_back", 0)
    if number:
        text = f"The clock of the capture went backwards {times(number)}: times and durations there are not to be trusted."
        yield _diagnosis("TI-CAP-04", number, text, back.frame if back else None)
    leap = signs.get("jumps")
    if leap:
        text = f"The clock of the capture leapt forward {times(leap.count)}: the senders' own clocks (timestamps) did not."
        yield _diagnosis("TI-CAP-11", leap.count, text, leap.frame)
    untimed = getattr(capture, "untimed", 0)
    if untimed:
        what = "carries no time (simple packet block)" if untimed == 1 else "carry no time (simple packet blocks)"
        text = f"{count(untimed, 'packet')} {what}: each is given the time of the packet before it, or 1970 where there is none."
        yield _diagnosis("TI-CAP-15", untimed, text)


def _damaged(capture: Any) -> Iterable[Diagnosis]:
    for warning in capture.warnings:
        yield _diagnosis("TI-CAP-03", 1, f"The file could not be read as it should be: {warning}.".replace("..", "."))


def _order(signs: Mapping[str, Any]) -> Iterable[Diagnosis]:
    copies = signs.get("duplicates")
    if copies:
        text = (
            f"{_were(copies.count, 'packet')} captured twice within a millisecond, with the same numbers and identification: "
            "so it looks on several interfaces at once, a bridge, or a mirror port."
        )
        yield _diagnosis("TI-CAP-05", copies.count, text, copies.frame, copies.streams)
    found = {name: signs[name] for name in _ORDER if name in signs}
    if found:
        words = {
            "disordered": "{} older than the one before in the file",
            "late": "{} captured behind its own acknowledgment",
            "swapped": "{} captured behind a later one, and the receiver missed nothing",
        }
        what = listing([words[name].format(count(sign.count, "packet")) for name, sign in found.items()])
        frames = [sign.frame for sign in found.values() if sign.frame is not None]
        # Stamps out of order may be anybody's: then every connection is touched.
        streams = frozenset() if "disordered" in found else frozenset().union(*(sign.streams for sign in found.values()))
        number = sum(sign.count for sign in found.values())
        text = f"The file is not in the order in which the packets passed: {what}."
        yield _diagnosis("TI-CAP-06", number, text, min(frames, default=None), streams)
    lost = signs.get("lost")
    if lost:
        text = (
            f"{octets(lost.octets)} in {count(lost.count, 'place')} {'was' if lost.octets == 1 else 'were'} acknowledged and "
            "never captured: the receiver had them, so the capture lost them, or they went another way."
        )
        yield _diagnosis("TI-CAP-07", lost.count, text, lost.frame, lost.streams)


def _sides(connections: int, signs: Mapping[str, Any]) -> Iterable[Diagnosis]:
    lone = signs.get("one_way")
    if lone:
        share = "Every connection" if lone.count == connections > 1 else count(lone.count, "connection")
        text = f"{share} shows one direction only, though that side acknowledges what the other sends."
        if lone.count > 1 and lone.count != connections:
            text = text.replace(" shows ", " show ")
        yield _diagnosis("TI-CAP-08", lone.count, text, lone.frame, lone.streams)


def _offload(capture: Any, signs: Mapping[str, Any]) -> Iterable[Diagnosis]:
    large = signs.get("oversize")
    if large:
        text = (
            f"{count(large.count, 'segment')} {'is' if large.count == 1 else 'are'} larger than the receiver's maximum segment size: "
            "joined or not yet cut by the network card (offload)."
        )
        yield _diagnosis("TI-CAP-09", large.count, text, large.frame, large.streams)
    sums = getattr(capture, "checksums", None) or {}
    left = sums.get("unfinished", 0)
    if left:
        text = f"{count(left, 'segment')} {'has' if left == 1 else 'have'} a checksum that the sender left to its network card (offload)."
        yield _diagnosis("TI-CAP-10", left, text, signs["unfinished"].frame if "unfinished" in signs else None)
    bad = sums.get("bad", 0)
    if bad > 1 and not sums.get("good", 0):
        text = f"None of the {count(bad, 'checksum')} that can be verified is right: the capture was rewritten afterwards (anonymised)."
        yield _diagnosis("TI-CAP-13", bad, text, signs["bad"].frame if "bad" in signs else None)
    lone = signs.get("one_sided")
    if lone:
        text = f"{count(lone.count, 'checksum')} of one side, all it sent, are wrong, the other side's right: left to a network card."
        text = text.replace("checksum of one side, all it sent, are wrong", "checksum of one side, all it sent, is wrong")
        yield _diagnosis("TI-CAP-14", lone.count, text, lone.frame, lone.streams)


def _older(number: int, frame: int, streams: frozenset[int]) -> Iterable[Diagnosis]:
    if number:
        text = f"{_were(number, 'connection')} already open when the capture began."
        yield _diagnosis("TI-CAP-12", number, text, frame, streams)
