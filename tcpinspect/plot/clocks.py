"""Round-trip times of one direction laid out: samples, the smoothed value, the retransmission timeout. Floor 4.

Reading: RFC 6298 §2 (SRTT, RTTVAR, RTO), §3 (Karn: no sample from what was sent twice).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tcpinspect.plot.flow import DOTS_ACROSS, DOTS_UP, Numbers, acknowledgments, first_of_each_cell, flow, line_once_a_dot, numbers

# RFC 6298 §2.4: "Whenever RTO is computed, if it is less than 1 second, then the RTO SHOULD be rounded up to 1 second."
LEAST_RTO_NS = 1_000_000_000
# RFC 6298 §2: G is the clock's granularity. A sender's clock is not in a capture; §4 finds 100 ms or less good: here 1 ms.
GRANULARITY_NS = 1_000_000
EVERY_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Rtt:
    """Round trips as seen where the capture was made: from a segment to the ACK of it. Times in ns since the first segment.

    `time_ns, sample_ns`: the samples; `ambiguous`: true where what is acknowledged had been sent twice. `clock_ns, smoothed_ns,
    timeout_ns`: SRTT and SRTT + max(G, 4·RTTVAR) after each sample that counts, the latter without RFC 6298's floor of 1 s.
    `again_ns, waited_ns`: retransmissions and how long after the first transmission. `drawn` of `samples` samples are in the arrays.
    """

    side: str
    sender: str
    receiver: str
    time_ns: Numbers
    sample_ns: Numbers
    ambiguous: Numbers
    clock_ns: Numbers
    smoothed_ns: Numbers
    timeout_ns: Numbers
    again_ns: Numbers
    waited_ns: Numbers
    samples: int
    drawn: int


def rtt(connection: Any, *, side: str | None = None) -> Rtt:
    """Lay out the round trips of what `side` sends (None: who sends more). Raises UsageError for another side."""
    import numpy as np

    one = flow(connection, side)
    rows, acked = acknowledgments(one)
    sampled = one.arrays["ack_rtt_ns"][rows] >= 0
    rows, acked = rows[sampled], acked[sampled]
    time_ns, sample_ns = one.time_ns(rows), one.arrays["ack_rtt_ns"][rows]
    ambiguous = _ambiguous(one, time_ns, acked)
    smoothed, timeout = smooth(sample_ns[~ambiguous])
    waited = one.out("rto_ns")
    again = waited >= 0
    shown = np.arange(len(rows))
    if len(rows) > EVERY_SAMPLE:
        shown = first_of_each_cell(time_ns, sample_ns, DOTS_ACROSS // 2, DOTS_UP // 2)
    counted = np.flatnonzero(~ambiguous)
    kept = line_once_a_dot(time_ns[counted], smoothed, timeout)
    return Rtt(
        one.side, one.sender, one.receiver, time_ns[shown], sample_ns[shown], ambiguous[shown],
        time_ns[counted][kept], smoothed[kept], timeout[kept], one.time_ns(one.sent)[again], waited[again], len(rows), len(shown),
    )  # fmt: skip


def _ambiguous(one: Any, time_ns: Numbers, acked: Numbers) -> Numbers:
    """Which samples acknowledge octets that had been sent twice by then: nobody knows which copy is meant (RFC 6298 §3)."""
    import numpy as np

    out = np.zeros(len(time_ns), dtype=bool)
    again = np.flatnonzero(one.out("retransmission"))
    if not len(again):
        return out
    low, high = numbers(one)
    sent_ns = one.time_ns(one.sent)
    order = np.argsort(acked, kind="stable")
    ordered = acked[order]
    for n in again.tolist():
        touched = order[np.searchsorted(ordered, low[n], "right") : np.searchsorted(ordered, high[n], "right")]
        out[touched[time_ns[touched] >= sent_ns[n]]] = True
    return out


def smooth(samples: Numbers) -> tuple[Numbers, Numbers]:
    """SRTT and SRTT + max(G, 4·RTTVAR) after each sample, ns as floats (RFC 6298 §2.2, §2.3; alpha = 1/8, beta = 1/4)."""
    import numpy as np

    smoothed, timeout = np.empty(len(samples)), np.empty(len(samples))
    srtt = rttvar = 0.0
    for n, r in enumerate(samples.tolist()):
        if n == 0:
            srtt, rttvar = float(r), r / 2
        else:
            rttvar += (abs(srtt - r) - rttvar) / 4
            srtt += (r - srtt) / 8
        smoothed[n] = srtt
        timeout[n] = srtt + max(GRANULARITY_NS, 4 * rttvar)
    return smoothed, timeout
