"""The catalogue of findings: each kind once, with its stable id. Floor 3. Reading: the section each kind names.

An id never changes its meaning and is never used again, so that scripts, tests and translations may rely on it.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of finding: its severity as Wireshark grades, the section it rests on, and a title."""

    severity: str
    rfc: str
    title: str


KINDS: dict[str, Kind] = {
    "TI-CAP-01": Kind("warn", "", "the capture lost packets"),
    "TI-CAP-02": Kind("note", "", "packets were cut short"),
    "TI-CAP-03": Kind("warn", "", "the file is damaged"),
    "TI-CAP-04": Kind("note", "", "the clock went backwards"),
    "TI-CAP-05": Kind("warn", "", "packets stand in the capture twice"),
    "TI-CAP-06": Kind("warn", "", "the capture is not in the order of the wire"),
    "TI-CAP-07": Kind("warn", "3.4", "acknowledged data is missing from the capture"),
    "TI-CAP-08": Kind("warn", "", "one direction is missing"),
    "TI-CAP-09": Kind("note", "3.7.1", "segments larger than the network carries"),
    "TI-CAP-10": Kind("note", "3.1", "checksums left to the network card"),
    "TI-CAP-11": Kind("note", "RFC 7323 5.4", "the clock leapt forward"),
    "TI-CAP-12": Kind("chat", "3.5", "connections older than the capture"),
    "TI-CAP-13": Kind("note", "3.1", "no checksum is right"),
    "TI-CAP-14": Kind("note", "3.1", "no checksum of one host is right"),
    "TI-CAP-15": Kind("warn", "", "packets without a time"),
    "TI-FLOOD-01": Kind("warn", "RFC 4987 2", "many half-open connections to one port"),
    "TI-FLOOD-02": Kind("warn", "RFC 4987 2", "many half-open connections to many ports of one host"),
    "TI-SCAN-01": Kind("warn", "3.10.7.1", "one host tried many ports of another"),
    "TI-OPEN-01": Kind("warn", "3.10.7.1", "refused"),
    "TI-OPEN-02": Kind("warn", "3.8.3", "unanswered"),
    "TI-OPEN-03": Kind("note", "3.5", "opening not finished"),
    "TI-OPEN-04": Kind("note", "3.5", "simultaneous open"),
    "TI-OPEN-05": Kind("warn", "3.5", "split handshake"),
    "TI-OPEN-06": Kind("chat", "RFC 7413 4", "Fast Open"),
    "TI-OPEN-07": Kind("chat", "3.5", "began before the capture"),
    "TI-OPEN-08": Kind("note", "RFC 6298 2", "slow answer"),
    "TI-RST-01": Kind("warn", "3.10.5", "aborted"),
    "TI-RST-02": Kind("note", "3.6.1", "reset during the close"),
    "TI-RST-03": Kind("warn", "RFC 5961 3", "a reset that may be forged"),
    "TI-CLOSE-01": Kind("chat", "3.6", "not closed"),
    "TI-CLOSE-02": Kind("note", "3.6", "closed on one side only"),
    "TI-CLOSE-03": Kind("chat", "3.6", "simultaneous close"),
    "TI-CLOSE-04": Kind("chat", "3.6", "half-close"),
    "TI-LOSS-01": Kind("note", "3.8.1", "retransmissions"),
    "TI-LOSS-02": Kind("warn", "3.8.1", "many retransmissions"),
    "TI-LOSS-03": Kind("note", "3.4", "gaps in the capture"),
    "TI-LOSS-04": Kind("note", "3.10.7.4", "out of order"),
    "TI-LOSS-05": Kind("chat", "RFC 5681 3.2", "duplicate acknowledgments"),
    "TI-WIN-01": Kind("warn", "3.8.6.1", "zero window"),
    "TI-SUM-01": Kind("error", "3.1", "bad checksums"),
    "TI-OPT-01": Kind("note", "RFC 7323 2.2", "window scaling not agreed"),
    "TI-OPT-02": Kind("note", "3.7.1", "no maximum segment size"),
}
