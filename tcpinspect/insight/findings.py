"""The table `findings`: what a person should know about a capture, each kind with a stable id. Floor 3.

Reading: RFC 9293 §3.5, §3.6, §3.8, RFC 4987, RFC 7323 §2.2. A finding of a kind appears at most once for a connection, with
how often it was seen; its id never changes its meaning, so that scripts and translations may rely on it. Ids, severities
and sections stand in `finding_kinds`; the sentence is made here, where the numbers are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tcpinspect.insight import reading
from tcpinspect.insight.doctor import Diagnosis, diagnose, doubt
from tcpinspect.insight.finding_kinds import KINDS
from tcpinspect.insight.floods import Attempts, Made, crowds_made, of_rows
from tcpinspect.insight.forged import Forged
from tcpinspect.insight.phrases import count, duration, octets, times


class Finding(NamedTuple):
    """A row of the table `findings`, in the order of `schema.FINDINGS`."""

    stream: int | None
    id: str
    severity: str
    frame: int | None
    time_ns: int | None
    count: int  # type: ignore[assignment]  # the schema named it; nobody asks a row for tuple.count
    text: str
    rfc: str


# A twentieth of all segments sent again is felt by whoever waits for the data.
_MANY_AGAIN = 0.05
_SLOW_ANSWER_NS = 1_000_000_000
Place = tuple[int | None, int | None]


def findings(
    connections: Iterable[Any],
    capture: Any,
    *,
    steps_of: Callable[[int], Iterable[Any]] = lambda stream: (),
    first: Mapping[tuple[int, str], tuple[int, int]] | None = None,
    forgeries: Mapping[int, Forged] | None = None,
) -> list[Finding]:
    """The rows of the table: those of the whole capture, then by stream, the severest first.

    `connections` are rows of that table, `capture` is what `doctor.diagnose` takes. Frames are named with `steps_of` (stream →
    its rows of the timeline; asked only where something was found) and with `first` ((stream, name of an analysis flag) →
    (frame, time_ns) of the first segment that has it). `forgeries`: by stream, the resets that may be forged.
    """
    rows = list(connections)
    first = first or {}
    diagnoses = diagnose(rows, capture)
    out = capture_findings(diagnoses) + crowd_findings(of_rows(rows))
    for c in rows:
        fake = forgeries.get(c.stream) if forgeries else None
        out += connection_findings(c, diagnoses, steps_of=steps_of, first=first, fake=fake)
    return out


def connection_findings(
    row: Any,
    diagnoses: Iterable[Diagnosis],
    *,
    steps_of: Callable[[int], Iterable[Any]] = lambda stream: (),
    first: Mapping[tuple[int, str], tuple[int, int]] | None = None,
    fake: Forged | None = None,
) -> list[Finding]:
    """What there is to say of one connection, the severest first; `fake`: its resets that may be forged."""
    told = list(diagnoses)
    found = [made for rule in _RULES for made in rule(row)]
    mine = [_row(row.stream, made, _place(row, made[3], first or {}, steps_of)) for made in found]
    if fake:
        mine.append(_row(row.stream, ("TI-RST-03", fake.count, fake.sentence, ""), (fake.frame, fake.time_ns)))
    return sorted((_doubtful(one, told) for one in mine), key=lambda f: _RANK[f.severity])


def crowd_findings(attempts: Attempts) -> list[Finding]:
    """Floods and scans, from what is known of attempts that failed."""
    return [_row(None, made, (None, None)) for made in crowds_made(attempts)]


_RANK = {"error": 0, "warn": 1, "note": 2, "chat": 3}


def importance(finding: Any) -> tuple[int, bool, int, int]:
    """A sort key over findings: severest first, the whole capture before a connection, then how often and where."""
    return _RANK.get(finding.severity, 9), finding.stream is not None, -finding.count, finding.stream or 0


def _row(stream: int | None, made: Made, place: Place) -> Finding:
    kind = KINDS[made[0]]
    return Finding(stream, made[0], kind.severity, place[0], place[1], made[1], made[2], kind.rfc)


def _place(c: Any, what: str, first: Mapping[tuple[int, str], tuple[int, int]], steps_of: Callable[[int], Iterable[Any]]) -> Place:
    """Where a finding shows: an end of the connection, the first segment with a flag, the first step of an event.

    A RST counts by whoever saw it.
    """
    if what == "start":
        return c.first_frame, c.start_ns
    if what == "end":
        return c.last_frame, c.start_ns + c.duration_ns
    if (c.stream, what) in first:
        return first[c.stream, what]
    for step in steps_of(c.stream):
        name = "RST" if step.event in ("ABORT", "RCV-RST") else step.event
        if name == what and step.frame is not None and step.time_ns is not None:
            return step.frame, step.time_ns
    return None, None


def capture_findings(diagnoses: Iterable[Diagnosis]) -> list[Finding]:
    """The faults of the capture itself as findings."""
    # Each connection that is older than the capture says so itself (TI-OPEN-07).
    told = (one for one in diagnoses if one.id != "TI-CAP-12")
    return [Finding(None, one.id, one.severity, one.frame, None, one.count, one.text, KINDS[one.id].rfc) for one in told]


def _doubtful(finding: Finding, diagnoses: list[Diagnosis]) -> Finding:
    """The finding, with a sentence more where a fault of the capture looks the same."""
    why = doubt(finding.id, finding.stream, diagnoses) if diagnoses and finding.stream is not None else ""
    return finding._replace(text=f"{finding.text} {why}") if why else finding


def _were(number: int, noun: str) -> str:
    return f"{count(number, noun)} {'was' if number == 1 else 'were'}"


def _opening(c: Any) -> list[Made]:
    port = f"port {c.server_port} of {c.server}"
    kind = reading.opening(c)
    if kind == "refused":
        return [("TI-OPEN-01", 1, f"Nobody accepts connections on {port}: the SYN was refused.", "RST")]
    if kind == "unanswered":
        asked = reading.syns(c)
        tries = f": the client asked {times(asked)}" if asked else ""
        tries += f" within {duration(c.duration_ns)}" if asked and asked > 1 else ""
        return [("TI-OPEN-02", asked or 1, f"No answer from {port}{tries}.", "start")]
    if kind == "contested":
        said = f"The SYN to {port} was answered by a reset and also by a SYN-ACK: one of the two does not belong to it, or is forged."
        return [("TI-OPEN-03", 1, said, "start")]
    if kind == "partly":
        return [("TI-OPEN-03", 1, f"Not all of the opening of this connection to {port} was captured.", "start")]
    if kind == "incomplete":
        return [("TI-OPEN-03", 1, f"The opening of a connection to {port} was not finished in this capture.", "start")]
    if kind == "itself":
        return [("TI-OPEN-04", 1, f"A socket connected to itself at {port}: its SYN met itself, a simultaneous open.", "start")]
    if kind == "simultaneous":
        return [("TI-OPEN-04", 1, "Both sides opened the connection at the same time.", "start")]
    if kind == "split":
        said = f"{port[0].upper() + port[1:]} answered with a SYN of its own instead of a SYN-ACK (a split handshake): "
        return [("TI-OPEN-05", 1, said + "unusual, and a known way around firewalls.", "start")]
    if kind == "tfo":
        return [("TI-OPEN-06", 1, "The SYN carried data and the server took it (TCP Fast Open).", "start")]
    if kind == "none" or (kind == "one-way" and c.handshake == "none"):
        return [
            ("TI-OPEN-07", 1, "The connection was already open when the capture began: options and window scale are not known.", "start")
        ]
    return []


def _slow(c: Any) -> list[Made]:
    wait = c.syn_to_syn_ack_ns
    if wait is None or wait < _SLOW_ANSWER_NS or reading.to_itself(c):
        return []
    said = f"The SYN-ACK came only {duration(wait)} after the last SYN before it; a client repeats its SYN after one second."
    return [("TI-OPEN-08", 1, said, "RCV-SYN-ACK")]


def _close(c: Any) -> list[Made]:
    by, first = reading.reset_by(c), reading.closed_first(c)
    who = f"The {by}" if by else "One side"
    kind, opened = c.teardown, reading.opening(c)
    if kind == "aborted" and opened != "refused":
        lost = " before any answer." if opened == "unanswered" else "; data on the way may be lost."
        return [("TI-RST-01", 1, f"{who} broke the connection off with a reset{lost}", "RST")]
    if kind == "reset":
        return [("TI-RST-02", 1, f"{who} reset the connection while it was being closed.", "RST")]
    if opened == "one-way":
        return []  # what the other side did is not in the capture, so nothing is known to be missing
    if kind == "simultaneous":
        crossed = "The socket's FIN met itself." if opened == "itself" else "Both sides closed at the same time: their FINs crossed."
        return [("TI-CLOSE-03", 1, crossed, "CLOSE")]
    if kind == "half-close":
        half = f"The {first}" if first else "One side"
        return [("TI-CLOSE-04", 1, f"{half} finished sending early and still received data: a half-close.", "CLOSE")]
    if kind != "open" or opened in ("refused", "unanswered", "incomplete"):
        return []
    for side, state in (("client", c.client_state), ("server", c.server_state)):
        if state == "CLOSE-WAIT":
            said = f"The {side} was told that the other side has finished, and did not close: its program may have forgotten to."
            return [("TI-CLOSE-02", 1, said, "RCV-FIN")]
    return [("TI-CLOSE-01", 1, "The connection was not closed when the capture ended.", "end")]


def _loss(c: Any) -> list[Made]:
    made: list[Made] = []
    client, server = reading.again(c, "client"), reading.again(c, "server")
    again = client + server
    total = max(1, c.client_packets + c.server_packets)
    if again and reading.opening(c) != "unanswered":
        many = again >= 3 and again / total >= _MANY_AGAIN
        share = f", {100 * again / total:.0f} % of all segments" if many else ""
        both = not reading.to_itself(c) and not reading.only_side(c)
        sides = f" (the client {times(client)}, the server {times(server)})" if both else ""
        made.append(
            ("TI-LOSS-02" if many else "TI-LOSS-01", again, f"{_were(again, 'segment')} sent again{share}{sides}.", "retransmission")
        )
    if c.lost_segments:
        made.append(
            ("TI-LOSS-03", c.lost_segments, f"Data is missing from the capture in {count(c.lost_segments, 'place')}.", "lost_segment")
        )
    if c.out_of_order:
        made.append(("TI-LOSS-04", c.out_of_order, f"{count(c.out_of_order, 'segment')} came behind a later one.", "out_of_order"))
    if c.duplicate_acks:
        made.append(
            (
                "TI-LOSS-05",
                c.duplicate_acks,
                f"{count(c.duplicate_acks, 'acknowledgment')} {'was a repeat' if c.duplicate_acks == 1 else 'were repeats'}: "
                "something did not arrive, or arrived late.",
                "duplicate_ack",
            )
        )
    return made


def _windows(c: Any) -> list[Made]:
    full = c.client_zero_windows + c.server_zero_windows
    if not full:
        return []
    who = "Both sides" if c.client_zero_windows and c.server_zero_windows else "The client" if c.client_zero_windows else "The server"
    return [("TI-WIN-01", full, f"{who} announced a window of zero {times(full)}: the program did not read fast enough.", "zero_window")]


def _header(c: Any) -> list[Made]:
    if not c.bad_checksums:
        return []
    return [
        (
            "TI-SUM-01",
            c.bad_checksums,
            f"{count(c.bad_checksums, 'segment')} {'has' if c.bad_checksums == 1 else 'have'} a bad checksum: "
            f"a receiver throws {'it' if c.bad_checksums == 1 else 'them'} away.",
            "bad_checksum",
        )
    ]


def _options(c: Any) -> list[Made]:
    # Only where both SYNs were seen is a missing option one that was not offered; completeness says so.
    if c.completeness & 3 != 3 or reading.to_itself(c):
        return []
    made: list[Made] = []
    shifts = {"client": c.client_window_shift, "server": c.server_window_shift}
    lacking = [side for side, shift in shifts.items() if shift is None]
    if len(lacking) == 1:
        made.append(("TI-OPT-01", 1, f"The {lacking[0]} did not offer window scaling, so windows stay below {octets(65_536)}.", "start"))
    silent = [side for side in ("client", "server") if getattr(c, f"{side}_mss") is None]
    if silent:
        default = 1220 if ":" in c.client else 536
        made.append(
            (
                "TI-OPT-02",
                len(silent),
                f"The {' and the '.join(silent)} named no maximum segment size: {default} octets are meant.",
                "start",
            )
        )
    return made


_RULES: tuple[Callable[[Any], list[Made]], ...] = (_opening, _slow, _close, _loss, _windows, _header, _options)
