"""Name the other reading where the capture cannot decide about a step. Floor 2. Reading: RFC 9293 §3.10.7.4, RFC 6298 §2, RFC 5961 §3.

A step keeps its evidence (a captured segment does it, if it arrived); `doubt` says why it may not have happened, or, on the
last step of a side, why one more may have. A retransmission timer that stays silent counts as a sign of arrival.
"""

import cython

from tcpinspect.engine.ledger import ROW_FIELDS
from tcpinspect.engine.proofs import FIRST_TIMER_NS
from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import Event, Evidence, State

if not cython.compiled:
    from tcpinspect.engine.judge import Judge  # noqa: F401
    from tcpinspect.engine.proofs import arrived, closed_early, in_turn, insists, is_first, opened, resets, silent, turned_away
    from tcpinspect.protocol.seqnum import difference

# Indexes into it are the codes; the words are what the table `timeline` shows.
DOUBTS = (
    None,
    "the segment may have been lost behind the capture point: nothing that this side sent later shows its arrival",
    "the third segment may have been lost behind the capture point, which leaves SYN-RECEIVED: this side has not spoken since",
    "the peer's FIN was captured and never acknowledged: it may have arrived, or been lost behind the capture point",
    "this side may have ignored the reset: its number is right only if all sent before it had arrived, which no acknowledgment shows",
    "a less strict end would be CLOSED: a later reset has a number beyond the expected one, and nothing of this side follows it",
    "this side may have gone on: segments of it crossed the reset, sent before it came or in spite of it",
    "the last segment from the peer may have changed the state first: it crossed this reset, which acknowledges nothing",
    "this side may have been in a later state already: the capture begins here",
    "this side may have given up: an ICMP error answered its SYN, which the RFC lets pass and some systems do not",
    "TIME-WAIT may last on: it ends after two MSL, four minutes in the RFC and one in Linux, and no segment shows it",
    "the peer's SYN-ACK was captured and never answered: it may have arrived, or been lost behind the capture point",
    "the peer's FIN may have arrived before the ACK of this side's own, in CLOSING: what it answered then was not captured",
    "the reset answers a segment, which CLOSED does as well: this side may have ended before, and no segment shows how",
    "this side may have closed in SYN-RECEIVED: nothing shows that the acknowledgment of its SYN came before its FIN left",
    "this side's FIN was lost before the capture point: nothing shows whether it left before the peer's FIN came or after it",
    "the RST is the answer of CLOSED: this side may have given up before the SYN-ACK came, or a half-open scan sent a SYN past its TCP",
    "the SYNs crossed: this side may have heard the other one first and been in SYN-RECEIVED, if its SYN-ACK was lost before the capture",
    "the segment is ahead of its turn: some ends hold it, and act on its acknowledgment only when what is missing has come",
    "the ACK of this side's own FIN may have overtaken the peer's FIN behind the capture point: FIN-WAIT-2 then, not CLOSING",
    "this side may have closed before the peer's FIN came: data was under way, behind which its own FIN had to wait",
    "this side may have closed before the peer's FIN came: a first copy of its own FIN may be missing from the capture",
    "this side may have ended before this reset came: it sent one of its own, which tells nothing of what had arrived by then",
    "the peer's own SYN passed the capture point soon after this reset: it may have come first, and SYN-RECEIVED ignores such a reset",
)
NONE = cython.declare(cython.longlong, 0)
ARRIVAL = cython.declare(cython.longlong, 1)
THIRD_SEGMENT = cython.declare(cython.longlong, 2)
FIN_UNANSWERED = cython.declare(cython.longlong, 3)
RESET_NUMBER = cython.declare(cython.longlong, 4)
END_DOUBTS = {"reset ignored": 5, "how long": 10}  # about the end of TIME-WAIT, for the one who writes it later
RESET_IGNORED = cython.declare(cython.longlong, END_DOUBTS["reset ignored"])
RESET_CROSSED = cython.declare(cython.longlong, 6)
ABORT_CROSSED = cython.declare(cython.longlong, 7)
STARTED_LATE = cython.declare(cython.longlong, 8)
ICMP_PASSED = cython.declare(cython.longlong, 9)
HOW_LONG = cython.declare(cython.longlong, END_DOUBTS["how long"])
SYN_ACK_UNANSWERED = cython.declare(cython.longlong, 11)
FIN_FIRST = cython.declare(cython.longlong, 12)
RESET_ANSWERS = cython.declare(cython.longlong, 13)
CLOSED_EARLY = cython.declare(cython.longlong, 14)
EITHER_FIRST = cython.declare(cython.longlong, 15)
HALF_OPEN = cython.declare(cython.longlong, 16)
SYNS_CROSSED = cython.declare(cython.longlong, 17)
AHEAD = cython.declare(cython.longlong, 18)
ACK_FIRST = cython.declare(cython.longlong, 19)
CLOSE_WAITED = cython.declare(cython.longlong, 20)
FIN_MISSING = cython.declare(cython.longlong, 21)
OWN_RESET = cython.declare(cython.longlong, 22)
SYN_OVERTAKEN = cython.declare(cython.longlong, 23)

TIMER_NS = cython.declare(cython.longlong, FIRST_TIMER_NS)
# The largest window without scaling: a reset further ahead is a stray, not a near miss.
NEAR = cython.declare(cython.longlong, 65535)

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
ROW = cython.declare(cython.longlong, len(ROW_FIELDS))
ROOM = cython.declare(cython.longlong, 64)

CLOSED = cython.declare(cython.longlong, State.CLOSED)
SYN_SENT = cython.declare(cython.longlong, State.SYN_SENT)
SYN_RECEIVED = cython.declare(cython.longlong, State.SYN_RECEIVED)
ESTABLISHED = cython.declare(cython.longlong, State.ESTABLISHED)
FIN_WAIT_1 = cython.declare(cython.longlong, State.FIN_WAIT_1)
FIN_WAIT_2 = cython.declare(cython.longlong, State.FIN_WAIT_2)
CLOSING = cython.declare(cython.longlong, State.CLOSING)
TIME_WAIT = cython.declare(cython.longlong, State.TIME_WAIT)
CLOSE = cython.declare(cython.longlong, Event.CLOSE)
OBSERVED = cython.declare(cython.longlong, Evidence.observed)
ABORT = cython.declare(cython.longlong, Event.ABORT)
CAPTURE_START = cython.declare(cython.longlong, Event.CAPTURE_START)
RCV_SYN = cython.declare(cython.longlong, Event.RCV_SYN)
RCV_SYN_ACK = cython.declare(cython.longlong, Event.RCV_SYN_ACK)
RCV_ACK_OF_SYN = cython.declare(cython.longlong, Event.RCV_ACK_OF_SYN)
RCV_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_ACK_OF_FIN)
RCV_FIN = cython.declare(cython.longlong, Event.RCV_FIN)
RCV_FIN_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_FIN_ACK_OF_FIN)
RCV_RST = cython.declare(cython.longlong, Event.RCV_RST)
RCV_ICMP = cython.declare(cython.longlong, Event.RCV_ICMP)
TIMEOUT_2MSL = cython.declare(cython.longlong, Event.TIMEOUT_2MSL)


def doubt_rows(judge, n, end_ns):
    """Set the doubts of the side that was just solved. `end_ns`: time of the capture's last packet, 0 unknown."""
    r: cython.longlong
    base: cython.longlong = judge.x * ROOM * ROW
    late: cython.longlong = judge.rows[base + 5] == CAPTURE_START and judge.before[judge.x] < ESTABLISHED
    hidden: cython.longlong = late and not (_speaks(judge, judge.x, n) and _speaks(judge, 1 - judge.x, n))
    for r in range(judge.count[judge.x]):
        judge.rows[base + 8] = _doubt_of(judge, base, n, end_ns)
        if judge.rows[base + 8] == HALF_OPEN or judge.rows[base + 8] == CLOSED_EARLY and judge.rows[base + 5] == CLOSE:
            # Without a TCP behind the SYN there was no SYN-SENT, before an early FIN no ESTABLISHED: the step before is in the same doubt.
            judge.rows[base - ROW + 8] = judge.rows[base + 8]
        # A FIN before the capture would make every later step another one.
        if (hidden or late and r == 0) and not judge.rows[base + 8]:
            judge.rows[base + 8] = STARTED_LATE
        base += ROW
    if judge.count[judge.x] and not judge.rows[base - ROW + 8]:
        judge.rows[base - ROW + 8] = _doubt_of_the_end(judge, n)
    return 0


def _speaks(judge, side, n):
    """The side sends data or a FIN within the capture: no FIN of it came before."""
    k: cython.longlong
    for k in range(n):
        if judge.side[k] == side and judge.octets[k] > 0 and not judge.flags[k] & (SYN | RST):
            return 1
    return 0


def _doubt_of(judge, base, n, end_ns):
    """The doubt about one step."""
    k: cython.longlong
    doubt: cython.longlong
    event: cython.longlong = judge.rows[base + 5]
    frame: cython.longlong = judge.rows[base + 1]
    if event == TIMEOUT_2MSL:
        return HOW_LONG
    doubt = judge.rows[base - ROW + 8] if base > judge.x * ROOM * ROW else NONE
    if ACK_FIRST <= doubt <= FIN_MISSING and (event == CLOSE or event == RCV_ACK_OF_FIN):
        return doubt  # closed in another order, the side passes through other states until it has ended
    doubt = NONE
    if judge.either_first and (event == CLOSE or event == RCV_FIN or event == RCV_ACK_OF_FIN):
        return EITHER_FIRST
    if not frame or event < RCV_SYN and event != ABORT and event != CLOSE or event == RCV_ICMP:
        return NONE
    k = 0
    while k < n and judge.frame[k] != frame:
        k += 1
    if k == n:
        return NONE
    if event == ABORT:
        doubt = _doubt_of_abort(judge, k, judge.rows[base + 3], judge.rows[base + 6])
        return doubt if doubt else _still_unopened(judge, base)
    if event == CLOSE:
        return _doubt_of_close(judge, base, k)
    if judge.side[k] == judge.x:
        return NONE
    if event == RCV_RST:
        return _doubt_of_reset(judge, k, n, end_ns, judge.rows[base + 3])
    if (event == RCV_ACK_OF_FIN or event == RCV_FIN or event == RCV_FIN_ACK_OF_FIN) and _fin_came_first(judge, base, k):
        return FIN_FIRST
    if event == RCV_ACK_OF_FIN and _ahead(judge, k):
        return AHEAD
    # After both FINs ABORT sends nothing (§3.10.5).
    if event == RCV_ACK_OF_FIN and judge.rows[base + 3] != FIN_WAIT_1 and turned_away(judge, k, n):
        return RESET_ANSWERS
    if event == RCV_SYN_ACK and _syns_crossed(judge, k):
        return SYNS_CROSSED
    if event == RCV_FIN:
        doubt = _doubt_of_order(judge, k, n, judge.rows[base + 3])
        if doubt:
            return doubt
    if arrived(judge, k, n, event):
        return NONE
    if event == RCV_FIN or event == RCV_FIN_ACK_OF_FIN:
        return FIN_UNANSWERED
    if event == RCV_ACK_OF_SYN and _ahead(judge, k):
        return AHEAD
    # Whoever receives a SYN or a SYN-ACK answers it; his silence says that it did not come.
    if event != RCV_SYN_ACK and event != RCV_SYN and silent(judge, k, n, end_ns, event, judge.rows[base + 3]):
        if event != RCV_ACK_OF_SYN and not (event == RCV_ACK_OF_FIN and insists(judge, k)) or not resets(judge, k, n):
            return NONE
    if event != RCV_ACK_OF_SYN:
        return ARRIVAL
    return CLOSED_EARLY if closed_early(judge, k, n) else THIRD_SEGMENT


def _ahead(judge, k):
    """Record k begins behind a hole: of what its sender had sent before something had not passed the capture point."""
    return judge.top[k] >= 0 and difference(judge.seq[k], judge.top[k]) > 0


def _syns_crossed(judge, k):
    """The peer's SYN, without ACK, had passed before its SYN-ACK k, and nothing shows that this side went on asking for long after it.

    Or it passed later than the SYN-ACK, and no answer to that before it. Or the side sent a SYN-ACK itself, which only SYN-RECEIVED does.
    """
    s: cython.longlong
    sent_again: cython.longlong
    if judge.syn_ack[judge.x] >= 0 and judge.seq[judge.syn_ack[judge.x]] == judge.own:
        return 1
    p: cython.longlong = judge.bare_syn[1 - judge.x]
    if p < 0 or judge.seq[p] != judge.seq[k]:
        return 0
    for s in range(k + 1, p):
        if judge.side[s] == judge.x and judge._covers_syn(s, 1 - judge.x) and not judge.flags[s] & RST:
            return 0
    for s in range(p + 1, k):
        # Of its copies the last that was sound.
        if judge.side[s] != judge.x and judge.flags[s] & (SYN | ACK | RST) == SYN and judge.seq[s] == judge.seq[k]:
            if not judge._spoiled(s):
                p = s
    if judge._spoiled(p):
        return 0
    for s in range(max(p, judge.bare_syn[judge.x]) + 1, k):
        if judge.side[s] == judge.x and judge.flags[s] & SYN and not judge.flags[s] & ACK:
            # A copy made by the network comes sooner than any that the timer sends (RFC 6298 §2.1).
            sent_again = judge.time_ns[s] - judge.time_ns[judge.bare_syn[judge.x]] > TIMER_NS // 2
            if sent_again and judge.time_ns[s] - judge.time_ns[p] > judge.crossing_ns:
                return 0
    return 1


def _still_unopened(judge, base):
    """The reset fits SYN-RECEIVED as well, which the side may not have left: the doubt of the step before is this one's, too."""
    doubt: cython.longlong = judge.rows[base - ROW + 8]
    return doubt if judge.rows[base + 3] == ESTABLISHED and (doubt == THIRD_SEGMENT or doubt == AHEAD) else NONE


def _doubt_of_reset(judge, k, n, end_ns, state):
    """About a reset that was taken for received."""
    s: cython.longlong
    number: cython.longlong = -1
    syn_ns: cython.longlong = judge.next_syn_ns[1 - judge.x]
    # It was sent while this side asked to connect, or before: sent later, it opens another connection, and this side had its reset.
    if state == SYN_SENT and syn_ns and syn_ns - judge.time_ns[k] <= judge.crossing_ns + TIMER_NS:
        return SYN_OVERTAKEN
    for s in range(k):
        if judge.side[s] == judge.x and judge.flags[s] & SYN:
            number = judge.seq[s]
        if _own_reset(judge, s) and judge.state != SYN_SENT:
            return OWN_RESET
    for s in range(k + 1, n):
        if judge.side[s] == judge.x and not judge.flags[s] & RST:
            # Whoever opens anew has let go of the connection; his own SYN may also have been overtaken by what followed it.
            return NONE if judge.flags[s] & SYN and judge.seq[s] != number and not _followed(judge, s, k) else RESET_CROSSED
        if _own_reset(judge, s) and not _answers(judge, s, k):
            return OWN_RESET
    if state > SYN_SENT and state != TIME_WAIT:
        if judge.acked < 0 or difference(judge.seq[k], judge._expected(k)) > 0:
            return RESET_NUMBER
    return NONE if silent(judge, k, n, end_ns, RCV_RST, state) else ARRIVAL


def _followed(judge, s, k):
    """Before record k the side had sent the number right behind SYN s, which passed later."""
    p: cython.longlong
    for p in range(k):
        if judge.side[p] == judge.x and judge.seq[p] == judge.end[s]:
            return 1
    return 0


def _own_reset(judge, s):
    """Record s is a reset of the side, as ABORT sends it: without ACK, with the number that comes next (§3.10.5), or one beyond a hole
    that is no answer."""
    p: cython.longlong
    if judge.side[s] != judge.x or judge.flags[s] & (RST | ACK) != RST or judge.top[s] < 0:
        return 0
    for p in range(s):
        if judge.side[p] != judge.x and judge.flags[p] & ACK and judge.ack[p] == judge.seq[s] and judge.seq[s] != judge.top[s]:
            return 0
    return difference(judge.seq[s], judge.top[s]) >= 0


def _answers(judge, s, k):
    """Reset s, and all like it since record k, may be the answers of CLOSED to as many segments that the peer sent meanwhile."""
    p: cython.longlong
    q: cython.longlong
    asked: cython.longlong = 0
    last: cython.longlong = -1  # of the side's resets
    for p in range(k + 1, s + 1):
        if judge.side[p] != judge.x:
            if judge.flags[p] & (ACK | RST) == ACK and judge.ack[p] == judge.seq[s]:
                asked += 1
        elif judge.flags[p] & (RST | ACK) == RST and judge.seq[p] == judge.seq[s]:
            q = last
            last = p
            if q < 0 or not judge._twin(q, p):
                asked -= 1
    return asked >= 0


def _fin_came_first(judge, base, k):
    """The peer had sent a FIN before k acknowledged the side's own: FIN-WAIT-2 if it was lost, CLOSING if only its ACK was."""
    s: cython.longlong
    f: cython.longlong = judge.fin_at[1 - judge.x]
    if judge.rows[base + 5] == RCV_FIN:
        return judge.rows[base + 3] == FIN_WAIT_2 and judge.rows[base - ROW + 8] == FIN_FIRST
    if f < 0 or judge.fin[1 - judge.x] < 0 or judge.rows[base + 4] != FIN_WAIT_2 and judge.rows[base + 5] != RCV_FIN_ACK_OF_FIN:
        return 0
    if f == k:
        return _older_fin_follows(judge, k)
    if f > k:
        # The ACK has overtaken it: a receiver may hold what is ahead of its turn (§3.10.7.4), or take its acknowledgment at once.
        return difference(judge.seq[k], judge.fin[1 - judge.x]) == 1
    for s in range(f + 1, k):
        # Of its copies the last.
        if judge.side[s] != judge.x and judge.flags[s] & FIN and not judge.flags[s] & RST and not judge._spoiled(s):
            f = s
    if judge._covers_fin(f, judge.x):
        return 0
    if judge._spoiled(f) or judge.top[f] >= 0 and difference(judge.seq[f], judge.top[f]) > 0:
        return 0
    for s in range(f + 1, k):
        if judge.side[s] == judge.x and judge.flags[s] & ACK and not judge._covers_fin(s, 1 - judge.x):
            if judge.time_ns[s] - judge.time_ns[f] > judge.crossing_ns + TIMER_NS:
                return 0
    return 1


def _older_fin_follows(judge, k):
    """A copy of the peer's FIN k that did not know this side's passed later, yet before this side's answer."""
    s: cython.longlong
    for s in range(k + 1, judge.size):
        if judge.side[s] == judge.x:
            if judge._covers_fin(s, 1 - judge.x):
                return 0
        elif judge.flags[s] & (FIN | RST) == FIN and not judge._covers_fin(s, judge.x) and not judge._spoiled(s):
            return judge.end[s] == judge.end[k]
    return 0


def _doubt_of_order(judge, k, n, state):
    """Had the side closed, and been told that its FIN had come, before the peer's FIN k came?"""
    s: cython.longlong
    first: cython.longlong = -1  # of its records the first that knows of the peer's FIN
    crossed: cython.longlong = judge.peer_top[k] >= 0 and (k > judge.fin_at[1 - judge.x] or difference(judge.peer_top[k], judge.ack[k]) > 0)
    for s in range(k + 1, n):
        if judge.side[s] != judge.x or judge.flags[s] & RST:
            continue
        if judge._covers_fin(s, 1 - judge.x):
            first = s
            break
    if state == FIN_WAIT_1:
        if judge._covers_fin(k, judge.x) or not _fin_known(judge, first if first >= 0 else n):
            return NONE
        return NONE if first >= 0 and in_turn(judge, k, first) else ACK_FIRST
    if state != ESTABLISHED:
        return NONE
    if first >= 0 and judge.fin[judge.x] < 0 and judge.top[first] >= 0 and difference(judge.seq[first], judge.top[first]) == 1:
        return FIN_MISSING
    if first >= 0 and judge.fin_at[judge.x] >= first:
        if judge.flags[first] & FIN:
            if judge.time_ns[first] - judge.time_ns[judge.fin_at[1 - judge.x]] > judge.crossing_ns:
                return FIN_MISSING
        elif not judge.payload[first] and judge.fin[judge.x] >= 0 and difference(judge.seq[first], judge.fin[judge.x]) == 1:
            return FIN_MISSING
    if crossed and first >= 0:
        for s in range(first, n):
            if judge.side[s] == judge.x and judge.payload[s] > 0 and difference(judge.end[s], judge.top[first]) > 0:
                return CLOSE_WAITED
        if judge.fin[judge.x] < 0 and not _all_acknowledged(judge, k, n):
            return CLOSE_WAITED
    return NONE


def _all_acknowledged(judge, k, n):
    """After record k the peer acknowledges all that the side ever sent: a FIN that waited would have followed."""
    s: cython.longlong
    top: cython.longlong = judge.peer_top[k]
    known: cython.longlong = judge.ack[k]
    for s in range(k + 1, n):
        if judge.flags[s] & RST:
            continue
        if judge.side[s] == judge.x:
            if difference(judge.end[s], top) > 0:
                top = judge.end[s]
        elif judge.flags[s] & ACK and difference(judge.ack[s], known) > 0:
            known = judge.ack[s]
    return difference(known, top) >= 0


def _fin_known(judge, end):
    """The peer had acknowledged the side's FIN in what passed the capture point before record `end`."""
    s: cython.longlong = judge.fin_at[judge.x]
    if judge.fin[judge.x] < 0:
        return 0
    if s >= 0 and judge.floor[s] >= 0 and difference(judge.floor[s], judge.fin[judge.x]) > 0:
        return 1
    for s in range(end):
        if judge.side[s] != judge.x and judge._covers_fin(s, judge.x) and not judge.flags[s] & RST:
            return 1
    return 0


def _doubt_of_close(judge, base, k):
    """About the side's own FIN k: what opened the connection may have come after it."""
    if judge.rows[base + 3] != ESTABLISHED or judge.payload[k]:
        return NONE
    # CLOSE is never the first row of a side.
    if judge.rows[base - ROW + 5] != RCV_ACK_OF_SYN or not is_first(judge, judge.seq[k]):
        return NONE
    return NONE if judge.rows[base - ROW + 1] != judge.rows[base + 1] and opened(judge, k) else CLOSED_EARLY


def _doubt_of_abort(judge, k, state, evidence):
    """About the side's own reset k: without an ACK it does not tell what had arrived by then."""
    p: cython.longlong = k - 1
    if judge.flags[k] & ACK:
        # Number zero is the answer to a SYN where there is no connection (§3.10.7.1).
        return RESET_ANSWERS if not judge.seq[k] and judge.top[k] > 0 and evidence == OBSERVED else NONE
    if state == SYN_SENT:
        return HALF_OPEN
    if evidence != OBSERVED:
        return NONE
    # After both FINs ABORT sends nothing (§3.10.5).
    if state >= CLOSING:
        return RESET_ANSWERS
    if state == FIN_WAIT_1 and _fin_known(judge, k):
        return ABORT_CROSSED
    while p >= 0 and state == SYN_RECEIVED:
        if judge.side[p] != judge.x and judge._covers_syn(p, judge.x) and not judge.flags[p] & RST:
            return ABORT_CROSSED
        p -= 1
    while p >= 0 and judge.side[p] != judge.x:
        if judge.time_ns[k] - judge.time_ns[p] > judge.crossing_ns:
            # A reset may be held up on its way; whoever lives answers an odd segment at once, with an ACK (§3.10.7.4).
            if judge.flags[p] & (ACK | RST) == ACK and judge.ack[p] == judge.seq[k]:
                if judge.floor[p] >= 0 and judge.seq[p] != judge.floor[p]:
                    return RESET_ANSWERS
            break
        if judge.flags[p] & FIN and not judge.flags[p] & RST:
            return ABORT_CROSSED
        if judge.flags[p] & ACK and not judge.flags[p] & RST and judge.ack[p] == judge.seq[k]:
            return ABORT_CROSSED if state == SYN_RECEIVED else RESET_ANSWERS
        p -= 1
    if _reset_before(judge, k):
        return RESET_ANSWERS
    # ABORT sends the number that comes next (§3.10.5); a lower one is that of the segment which the reset answers (§3.10.7.1).
    return RESET_ANSWERS if judge.top[k] >= 0 and difference(judge.seq[k], judge.top[k]) < 0 else NONE


def _reset_before(judge, k):
    """A reset of the peer that may have ended the side had passed not long before the side's own k, which CLOSED sends as well."""
    p: cython.longlong
    for p in range(k):
        if judge.side[p] != judge.x and judge.flags[p] & RST and not judge._spoiled(p):
            if judge.time_ns[k] - judge.time_ns[p] <= judge.crossing_ns + TIMER_NS and judge.floor[p] >= 0:
                if difference(judge.seq[p], judge.floor[p]) >= 0:
                    return 1
    return 0


def _doubt_of_the_end(judge, n):
    """About the state in which the capture leaves the side."""
    k: cython.longlong
    other: cython.longlong = 1 - judge.x
    if judge.state == CLOSED:
        return NONE
    if judge.state == SYN_SENT and judge.error_frame[judge.x]:
        return ICMP_PASSED
    if judge.state == SYN_SENT and judge.syn_ack[other] >= 0 and not judge._spoiled(judge.syn_ack[other]):
        if judge._covers_syn(judge.syn_ack[other], judge.x) and judge.last_alive[judge.x] < judge.syn_ack[other]:
            return SYN_ACK_UNANSWERED
    if judge.state >= ESTABLISHED and judge.fin_at[other] >= 0 and not judge.fin_received and not judge._spoiled(judge.fin_at[other]):
        return FIN_UNANSWERED
    if judge.state >= SYN_RECEIVED and judge.acked >= 0:
        for k in range(judge.last_alive[judge.x] + 1, n):
            if judge.side[k] == other and judge.flags[k] & RST and not judge._spoiled(k):
                if 0 < difference(judge.seq[k], judge._expected(k)) <= NEAR:
                    return RESET_IGNORED
    return NONE
