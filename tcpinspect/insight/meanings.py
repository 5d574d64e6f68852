"""The words of the tables explained to a newcomer: states, events, handshakes, teardowns, Zeek's outcomes. Floor 3.

Reading: RFC 9293 §3.3.2 (states), §3.5 (opening), §3.6 (closing). Each value is a clause or a sentence to be put into a
text; the keys are the values that stand in the tables, so a test can compare them with schema and protocol.
"""

from __future__ import annotations

# What a side in this state is waiting for: follows "the client is in STATE:".
STATES: dict[str, str] = {
    "CLOSED": "it holds no connection any more",
    "LISTEN": "it waits for somebody to connect",
    "SYN-SENT": "it asked to connect and waits for the answer",
    "SYN-RECEIVED": "it answered a request to connect and waits for the last step of the handshake",
    "ESTABLISHED": "the connection is open and data may flow both ways",
    "FIN-WAIT-1": "it said that it has no more to send (FIN) and waits until that is acknowledged",
    "FIN-WAIT-2": "its own FIN is acknowledged and it waits for the other side to finish",
    "CLOSE-WAIT": "the other side has finished sending, but its own program has not closed yet",
    "CLOSING": "both sides sent a FIN at the same time and it waits for the acknowledgment of its own",
    "LAST-ACK": "both sides have finished and it waits for the last acknowledgment",
    "TIME-WAIT": "all is done, and it lingers for a while so that stray segments cannot disturb a later connection",
}

EVENTS: dict[str, str] = {
    "OPEN-ACTIVE": "its program asked to connect: it sends a SYN",
    "OPEN-PASSIVE": "its program waits for connections",
    "CLOSE": "its program closed: it sends a FIN",
    "ABORT": "it gave the connection up: it sends a RST",
    "SEND": "its program sent on a listening socket: it sends a SYN",
    "RCV-SYN": "a SYN arrived",
    "RCV-SYN-ACK": "the answer to its SYN arrived (SYN-ACK)",
    "RCV-ACK": "an acknowledgment arrived",
    "RCV-ACK-OF-SYN": "its SYN was acknowledged",
    "RCV-ACK-OF-FIN": "its FIN was acknowledged",
    "RCV-FIN": "the other side's FIN arrived",
    "RCV-FIN-ACK-OF-FIN": "the other side's FIN arrived and acknowledged its own",
    "RCV-RST": "a reset (RST) arrived",
    "RCV-ICMP": "an ICMP error arrived",
    "TIMEOUT-USER": "it waited too long and gave up",
    "TIMEOUT-2MSL": "the waiting time of TIME-WAIT ended",
    "CAPTURE-START": "it was in this state when the capture began",
}

EVIDENCE: dict[str, str] = {
    "observed": "a captured segment does it",
    "inferred": "deduced from what the side sent or acknowledged later",
    "assumed": "nothing on the wire shows it; it must have been so",
}

HANDSHAKES: dict[str, str] = {
    "three-way": "The usual opening: SYN, SYN-ACK, ACK.",
    "simultaneous": "Both sides sent a SYN at the same time and the SYNs crossed; each answered the other's.",
    "split": "The SYN was answered by a SYN of the server's own, alone or after an ACK, instead of a SYN-ACK.",
    "tfo": "TCP Fast Open: the SYN already carried data, and the answer acknowledged it.",
    "refused": "The SYN was answered by a reset or an error: nobody accepts connections there.",
    "unanswered": "The SYN was sent, perhaps several times, and nothing came back.",
    "incomplete": "The opening began but was not finished in this capture.",
    "none": "The connection was already open when the capture began.",
}

TEARDOWNS: dict[str, str] = {
    "four-segment": "The usual close: each side sends a FIN and the other acknowledges it.",
    "three-segment": "A close in three segments: the second FIN rides with the acknowledgment of the first.",
    "simultaneous": "Both sides closed at the same time: the FINs crossed on the way.",
    "half-close": "One side finished sending early; the other went on sending data and closed later.",
    "reset": "The close had begun with a FIN, but then one side reset the connection.",
    "aborted": "One side reset the connection without any orderly close.",
    "open": "The connection was not closed, or in one direction only, when the capture ended.",
    "unknown": "How it ended cannot be told from what was captured.",
}

CONN_STATES: dict[str, str] = {
    "S0": "asked to connect, no answer",
    "S1": "open, not closed when the capture ended",
    "SF": "opened and closed normally",
    "REJ": "refused",
    "S2": "the client closed, the server did not",
    "S3": "the server closed, the client did not",
    "RSTO": "reset by the client",
    "RSTR": "reset by the server",
    "RSTOS0": "the client asked to connect, then reset it",
    "RSTRH": "the server answered, then reset; the client's SYN was not seen",
    "SH": "the client asked to connect and closed; the server was not seen",
    "SHR": "the server answered and closed; the client was not seen",
    "OTH": "seen from the middle only",
}

SEVERITIES: tuple[str, ...] = ("error", "warn", "note", "chat")
SEVERITY_WORDS: dict[str, str] = {
    "error": "broken",
    "warn": "look at this",
    "note": "worth knowing",
    "chat": "for interest",
}


def state(name: str) -> str:
    """What a side in this state waits for; empty for a state nobody knows."""
    return STATES.get(name, "")


def event(name: str) -> str:
    """What the event means in plain words; the name itself for one that is new."""
    return EVENTS.get(name, name)
