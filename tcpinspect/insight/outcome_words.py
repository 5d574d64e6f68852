"""The outcome of one connection as a paragraph for a newcomer. Floor 3. Reading: RFC 9293 §3.3.2, §3.5, §3.6.

Who opened it and how, what was exchanged, who closed first and how, what went wrong, and what each side's last state
means. Only what the tables say goes in: where the capture cannot tell, the paragraph says so.
"""

from __future__ import annotations

from typing import Any

from tcpinspect.insight import at_close, meanings, reading
from tcpinspect.insight.details import HANDSHAKE_DETAILS, TEARDOWN_DETAILS
from tcpinspect.insight.phrases import count, duration, listing, octets, times

_SIDES = ("client", "server")


def outcome_words(connection: Any) -> str:
    """The story of a `model.Connection` in five or so sentences, plain text, nothing escaped."""
    return " ".join(outcome_sentences(connection))


def outcome_sentences(connection: Any) -> list[str]:
    """The same, a sentence or two an item: opening, exchange, close, trouble, last states."""
    parts = [_opening(connection), _exchange(connection), _closing(connection), _trouble(connection), _last_states(connection)]
    return [part for part in parts if part]


def outcome_line(connection: Any) -> str:
    """The outcome in a few words for a list, of a `model.Connection` or its row: how it opened and how it ended."""
    row = reading.row_of(connection)
    by = reading.reset_by(row) if row.teardown in ("reset", "aborted") else ""
    return _line(reading.opening(row), row.teardown, by, reading.only_side(row))


def _line(opening: str, teardown: str, by: str, only: str) -> str:
    ended = _ENDED.get(teardown, "")
    if teardown in ("reset", "aborted"):
        ended = f"reset by the {by}" if by else "reset"
        ended += " while closing" if teardown == "reset" else ""
    if opening == "refused":
        return "refused"
    if opening == "unanswered":
        return "asked to connect, then gave up" if teardown in ("reset", "aborted") else "asked to connect, no answer"
    if opening == "incomplete":
        return "the opening was not finished"
    if opening == "one-way":
        return f"only the {only}'s direction was captured"
    if opening in ("three-way", "tfo"):
        if teardown == "open":
            return "open, not closed when the capture ended"
        return ended if teardown in ("reset", "aborted") else f"opened and {ended}" if teardown in reading.ORDERLY else f"opened, {ended}"
    return f"{_OPENED.get(opening, opening)}, {ended}"


_OPENED = {
    "simultaneous": "opened by both sides at once",
    "split": "opened with a split handshake",
    "none": "already open when the capture began",
    "partly": "opening not wholly captured",
    "contested": "both reset and accepted",
    "itself": "connected to itself",
}
_ENDED = {
    "four-segment": "closed normally",
    "three-segment": "closed normally",
    "simultaneous": "closed by both sides at once",
    "half-close": "closed after a half-close",
    "open": "not closed when the capture ended",
    "unknown": "how it ended is unknown",
}


def _opening(c: Any) -> str:
    detail = getattr(c, "handshake_detail", None)
    said = _HANDSHAKE_ADDS.get(detail or "", "")
    return f"{_opened(c)}{said}"


_HANDSHAKE_ADDS = {
    name: f" {HANDSHAKE_DETAILS[name][0].upper()}{HANDSHAKE_DETAILS[name][1:]}."
    for name in ("syn-ack-unanswered", "syn-cookie-suspected", "syn-ack-reset", "syn-ack-missing", "syn-answered-by-ack")
}


def _opened(c: Any) -> str:
    client, server = f"{c.client} (the client)", f"{c.server} (the server)"
    row = reading.row_of(c)
    kind = reading.opening(row)
    if kind == "itself":
        return f"{c.client} connected to itself: client and server are one and the same socket.{_handshake_times(c)}"
    if kind == "one-way":
        only = reading.only_side(row)
        silent = _other(only)
        return (
            f"Of the connection between {client} and {server} only what the {only} sent was captured: "
            f"what the {silent} sent, and when, is not known."
        )
    if kind == "contested":
        return (
            f"{client} asked to open a connection to {server}; a reset (RST) came back, and yet so did a SYN-ACK that accepts it: "
            "one of the two was not meant for this attempt, or is forged."
        )
    if kind == "partly":
        return f"{client} opened a connection to {server}, but not all of the opening was captured."
    if kind == "none":
        how = {
            "observed": "",
            "inferred": " The captured answers show who is the client.",
            "assumed": " Who is the client is a guess from the port numbers and the first segment.",
        }.get(c.client_evidence, "")
        return f"The connection between {client} and {server} was already open when the capture began.{how}"
    if kind == "unanswered":
        return _unanswered(row, client, server)
    if kind == "refused":
        after = f" after {duration(c.duration_ns)}" if c.duration_ns else ""
        why = "nothing accepts connections on that port, or a firewall answers for it"
        return f"{client} tried to open a connection to {server}, and was refused{after}: {why}."
    if kind == "incomplete":
        answered = f" The answer (SYN-ACK) came after {duration(c.syn_to_syn_ack_ns)}." if c.syn_to_syn_ack_ns is not None else ""
        return f"{client} began to open a connection to {server}, but the opening was not finished in this capture.{answered}"
    if kind == "simultaneous":
        return f"{client} and {server} opened a connection to each other at the same moment (a simultaneous open).{_handshake_times(c)}"
    verb = {
        "split": "with a split handshake: the answer was a SYN of the server's own instead of a SYN-ACK",
        "tfo": "with TCP Fast Open: its first segment already carried data",
    }.get(kind, "with the usual three-way handshake")
    return f"{client} opened a connection to {server} {verb}.{_handshake_times(c)}"


def _unanswered(row: Any, client: str, server: str) -> str:
    asked = reading.syns(row)
    if asked is None:
        tries = "in vain" + (" (there was data in its SYN)" if row.client_payload_bytes else "") + ": it got no answer"
        return f"{client} tried to open a connection to {server}, {tries}."
    tries = f", asked {times(asked)} within {duration(row.duration_ns)}," if asked > 1 else ", asked once"
    return f"{client} tried to open a connection to {server}{tries} and got no answer."


def _handshake_times(c: Any) -> str:
    answer, third, whole = c.syn_to_syn_ack_ns, c.syn_ack_to_ack_ns, c.initial_rtt_ns
    if c.handshake == "simultaneous":
        return f" The handshake took {duration(whole)}." if whole is not None else ""
    if answer is not None and third is not None:
        first = _since_the_start(c)
        if first > answer + _NOTICEABLE_NS or reading.timed_from_a_later_syn(reading.row_of(c)):
            of_all = f" ({duration(first)} after the first segment)" if first > answer + _NOTICEABLE_NS else ""
            later = f"the handshake was complete {duration(third)} later"
            return f" The answer came {duration(answer)} after the last SYN before it{of_all}, and {later}."
        return f" The answer to its SYN came after {duration(answer)}, and the handshake was complete {duration(third)} later."
    if whole is not None:
        return f" The handshake took {duration(whole)}."
    return f" The answer to its SYN came after {duration(answer)}." if answer is not None else ""


_NOTICEABLE_NS = 1_000_000


def _since_the_start(c: Any) -> int:
    """From the first segment to the SYN-ACK, in ns: longer than from the last SYN where the SYN was repeated; 0 unknown."""
    for step in c.timeline:
        if step.event == "RCV-SYN-ACK" and step.time_ns is not None:
            return int(step.time_ns - c.start_ns)
    return 0


def _exchange(c: Any) -> str:
    row = reading.row_of(c)
    kind = reading.opening(row)
    if kind in ("refused", "unanswered"):
        return ""
    segments = f"in {count(c.client_packets + c.server_packets, 'segment')}"
    if c.duration_ns:
        segments += f" over {duration(c.duration_ns)}"
    only = reading.only_side(row)
    sides = (only,) if only else ("client",) if kind == "itself" else _SIDES
    amounts = {side: reading.amount(row, side) for side in sides}
    if not any(sent for sent, _ in amounts.values()):
        return f"The {only} sent no data ({segments})." if only else f"No data was exchanged ({segments})."
    if kind == "itself":
        return f"It sent itself {octets(amounts['client'][0])}, {segments}."
    said = [f"the {side} sent {_sent(*amounts[side])}" for side in sides]
    text = f"{listing(said)}, {segments}."
    return text[0].upper() + text[1:]


def _sent(sent: int, exact: bool) -> str:
    if not sent:
        return "no data"
    return octets(sent) if exact else f"{octets(sent)} as captured (repeats counted, gaps not)"


def _closing(c: Any) -> str:
    row = reading.row_of(c)
    opened = reading.opening(row)
    kind = c.teardown
    first = _first(c, "CLOSE")
    who = f"The {first[0]} closed first{first[1]}" if first else ""
    second = _other(first[0]) if first else "other side"
    if opened == "itself" and kind in reading.ORDERLY:
        return "It closed, and its own FIN was that of the other side as well."
    if opened == "one-way" and kind not in ("reset", "aborted"):
        if not first:
            return ""
        return f"The {first[0]} closed{first[1]}; what the {second} did then was not captured."
    if kind == "four-segment":
        return f"{who}: its FIN was acknowledged, then the {second} sent its own." if who else "Both sides closed in order."
    if kind == "three-segment":
        return f"{who or 'One side closed first'}; the {second} acknowledged that FIN and sent its own in the same segment."
    if kind == "simultaneous":
        return "Both sides closed at the same moment: their FINs crossed on the way (a simultaneous close)."
    if kind == "half-close":
        more = at_close.octets_after_fin(at_close.segments_of(c))
        much = f" ({octets(more)} after that FIN)" if more else ""
        later = f"the {second} went on sending data{much} and closed later (a half-close)"
        return f"{who or 'One side closed first'} and said that it has no more to send; {later}."
    if kind in ("reset", "aborted"):
        return f"{_reset(c, first)}{_why_reset(c) if opened != 'refused' else ''}"
    if kind == "open" and opened not in ("refused", "unanswered"):
        if not who:
            return "It was not closed when the capture ended."
        both = {step.side for step in c.timeline if step.event == "CLOSE"} >= set(_SIDES)
        return f"{who}; " + ("the close was not complete" if both else f"the {second} had not closed") + " when the capture ended."
    if kind == "unknown":
        return "How it ended cannot be told from what was captured."
    return ""


def _reset(c: Any, first: tuple[str, str] | None) -> str:
    opened = reading.opening(reading.row_of(c))
    if opened == "refused":
        return ""
    culprit = reset_by(c)
    by = f"the {culprit}" if culprit else "one side"
    if c.teardown == "reset":
        if not first:
            return f"{by[0].upper() + by[1:]} reset the connection (RST) before the close was complete."
        again = "" if culprit == first[0] else f" {by}"
        return f"The {first[0]} closed first{first[1]}, but then{again} reset the connection (RST) before the close was complete."
    if opened == "unanswered":
        return f"{by[0].upper() + by[1:]} then gave up with a reset (RST)."
    when = _first(c, "ABORT")
    return f"{by[0].upper() + by[1:]} then broke it off with a reset (RST){when[1] if when else ''}, without an orderly close."


def _why_reset(c: Any) -> str:
    """What made the sender send it, where the segments tell; else what the row leaves open."""
    cause = at_close.cause_of_reset(at_close.segments_of(c))
    if cause == "abort":
        unread = "" if c.teardown_detail == "aborted-nothing-unread" else ", or closed or ended without having read all"
        return f" Its program wished so{unread}: the wire does not tell why ({cause})."
    if cause is not None and cause != "reset-unknown":
        from tcpinspect.insight.why import CAUSES  # a summary has no use for all of it

        return f" Such a reset {CAUSES[cause].removeprefix('a reset; ')} ({cause})."
    detail = getattr(c, "teardown_detail", None)
    return f" {TEARDOWN_DETAILS[detail][0].upper()}{TEARDOWN_DETAILS[detail][1:]}." if detail else ""


def reset_by(c: Any) -> str:
    """The side that sent the (first) RST, `client` or `server`; empty when the tables do not say."""
    for row in c.timeline:
        if row.event == "ABORT":
            return str(row.side)
        if row.event == "RCV-RST":
            return _other(row.side)
    return reading.reset_by(reading.row_of(c))


def _first(c: Any, event: str) -> tuple[str, str] | None:
    for row in c.timeline:
        if row.event == event:
            if row.frame is None or row.time_ns is None:
                return str(row.side), ""
            after = row.time_ns - c.start_ns
            return str(row.side), f" ({duration(after)} after the start, frame {row.frame})" if after else f" (frame {row.frame})"
    return None


def _other(side: str) -> str:
    return "client" if side == "server" else "server"


def _trouble(c: Any) -> str:
    troubles: list[str] = []
    row = reading.row_of(c)
    itself = reading.to_itself(row)
    for side in _SIDES:
        again = reading.again(row, side)
        if again and not (reading.opening(row) == "unanswered" and side == "client"):
            troubles.append(f"{'it' if itself else f'the {side}'} had to send {count(again, 'segment')} again")
    for side in _SIDES:
        full = getattr(c, f"{side}_zero_windows")
        if full:
            troubles.append(f"the {side} said {times(full)} that it had no room for more data (zero window)")
    if c.lost_segments:
        troubles.append(f"data is missing from the capture in {count(c.lost_segments, 'place')}")
    if c.out_of_order:
        troubles.append(f"{count(c.out_of_order, 'segment')} came out of order")
    if c.bad_checksums:
        troubles.append(f"{count(c.bad_checksums, 'segment')} had a bad checksum")
    if not troubles:
        return ""
    return f"What went wrong on the way: {listing(troubles)}."


def _last_states(c: Any) -> str:
    row = reading.row_of(c)
    seen = {step.side for step in c.timeline}
    last = {"client": row.client_state, "server": row.server_state}
    known = {side: name for side, name in last.items() if name and side in seen}
    if reading.to_itself(row):
        name = known.get("client") or known.get("server")
        return f"In the end it is {_in(name)}{_meant(name)}." if name else "Its last state is unknown."
    if row.handshake == "refused" and len(known) < 2 and set(known.values()) <= {"CLOSED"}:
        return "Neither side keeps anything of it."
    if not known:
        return "The last states of both sides are unknown."
    if len(known) == 1:
        ((side, name),) = known.items()
        return f"In the end the {side} is {_in(name)}{_meant(name)}; the state of the {_other(side)} is unknown."
    client, server = known["client"], known["server"]
    if client == server == "CLOSED":
        return "In the end both sides are CLOSED: nothing of the connection is left."
    if client == server:
        meaning = meanings.state(client)
        return f"In the end both sides are {_in(client)}" + (f", which means for each: {meaning}." if meaning else ".")
    return f"In the end the client is {_in(client)}{_meant(client)}; the server is {_in(server)}{_meant(server)}."


def _in(name: str) -> str:
    return name if name == "CLOSED" else f"in {name}"


def _meant(name: str) -> str:
    meaning = meanings.state(name)
    return f" ({meaning})" if meaning else ""
