"""What a side's later segments, and its silence, show of what had reached it. Floor 2. Reading: RFC 9293 §3.10.7.4, RFC 6298 §2, §5.

The questions of `engine.doubts`: each looks at the log of a side that was solved, and answers 0 or 1.
"""

import cython

from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import Event, State

if not cython.compiled:
    from tcpinspect.engine.judge import Judge  # noqa: F401
    from tcpinspect.protocol.seqnum import difference

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)

FIN_WAIT_1 = cython.declare(cython.longlong, State.FIN_WAIT_1)
RCV_ACK_OF_SYN = cython.declare(cython.longlong, Event.RCV_ACK_OF_SYN)
RCV_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_ACK_OF_FIN)
RCV_FIN = cython.declare(cython.longlong, Event.RCV_FIN)
RCV_FIN_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_FIN_ACK_OF_FIN)

# RFC 6298 §2.1: until a round-trip time is known the retransmission timer is set to 1 second; later it is rarely longer.
FIRST_TIMER_NS = 1_000_000_000
TIMER_NS = cython.declare(cython.longlong, FIRST_TIMER_NS)


def arrived(judge, k, n, event):
    """Something that the side sent after record k shows that k, or a later one that says the same, had come."""
    s: cython.longlong
    need: cython.longlong = -1
    if event == RCV_ACK_OF_SYN:
        return _speaks_open(judge, k, n)
    for s in range(k, n):
        if judge.flags[s] & RST and (judge.side[s] != judge.x or not judge.seq[s]):
            continue  # number zero: the answer of CLOSED, which acknowledges what no connection has received (§3.10.7.1)
        if judge.side[s] != judge.x:
            if judge.octets[s] == 0 or s > k and not judge.flags[s] & ACK:
                continue
            if s > k and difference(judge.ack[s], judge.ack[k]) < 0:
                continue
            if judge.floor[s] >= 0 and difference(judge.end[s], judge.floor[s]) <= 0:
                continue
            if need < 0 or difference(judge.end[s], need) < 0:
                need = judge.end[s]
        elif judge.flags[s] & ACK:
            if (event == RCV_FIN or event == RCV_FIN_ACK_OF_FIN) and not judge._covers_fin(s, 1 - judge.x):
                continue
            if need >= 0 and difference(judge.ack[s], need) >= 0:
                return 1
    return 0


def _speaks_open(judge, k, n):
    """The side says after record k what it says in ESTABLISHED or later only, and did not close before it was opened."""
    s: cython.longlong
    other: cython.longlong = 1 - judge.x
    for s in range(k + 1, n):
        if _opened_by(judge, s):
            return 1
        if judge.side[s] != judge.x or not judge.flags[s] & ACK or judge.flags[s] & (SYN | RST):
            continue
        if judge.payload[s]:
            return 1
        if _beyond_early_fin(judge, s):
            return 0
        if judge.flags[s] & FIN:
            return not is_first(judge, judge.seq[s]) or opened(judge, s)
        if judge.isn[other] < 0 or difference(judge.ack[s], judge.isn[other]) > 1:
            return 1
        # Any odd segment gets a bare ACK (§3.10.7.4), in SYN-RECEIVED, too: there the SYN-ACK follows once more, unless the end gives up.
        # Of one with which the log ends nothing shows that; what follows an open connection's handshake is not logged.
        if (s == n - 1 or not _odd_before(judge, s)) and (judge.syn_ack[judge.x] < 0 or not _syn_ack_follows(judge, s, n)):
            return 1
    return 0


def _opened_by(judge, s):
    """Before record s passed, the side had acknowledged more than a SYN, or sent more than one octet after its own."""
    other: cython.longlong = 1 - judge.x
    if judge._fast_open(judge.x) or is_first(judge, judge.fin[judge.x]):
        return 0
    if judge.side[s] == judge.x:
        return judge.own >= 0 and judge.top[s] >= 0 and difference(judge.top[s], judge.own) > 2
    return judge.isn[other] >= 0 and judge.floor[s] >= 0 and difference(judge.floor[s], judge.isn[other]) > 1


def _beyond_early_fin(judge, s):
    """Record s bears the number behind a FIN that is the first octet after the side's SYN, or that may be: nothing captured was there."""
    if judge.own < 0 or judge.seq[s] != (judge.own + 2) & MASK:
        return 0
    return is_first(judge, judge.fin[judge.x]) or judge.fin[judge.x] < 0 and is_first(judge, judge.top[s])


def closed_early(judge, k, n):
    """The side's FIN is, or may be, the first octet after its SYN: it says nothing of an ACK that came before."""
    s: cython.longlong
    for s in range(k + 1, n):
        if judge.side[s] == judge.x and judge.flags[s] & (SYN | ACK | RST) == ACK and _beyond_early_fin(judge, s):
            return 1
    return is_first(judge, judge.fin[judge.x])


def _odd_before(judge, s):
    """Before record s, a bare ACK that acknowledges the peer's SYN alone, the peer sent what SYN-RECEIVED answers with such a one."""
    p: cython.longlong
    first: cython.longlong = judge.bare_syn[1 - judge.x]
    for p in range(s):
        if judge.side[p] != judge.x and p != first and not judge.flags[p] & RST and judge.flags[p] & (SYN | ACK) != (SYN | ACK):
            if judge.seq[p] != judge.ack[s]:
                return 1
    return 0


def is_first(judge, number):
    """The number is that behind the side's SYN."""
    return judge.own >= 0 and number == (judge.own + 1) & MASK


def opened(judge, f):
    """The side said before its FIN f, or with it, what it says in ESTABLISHED only."""
    s: cython.longlong
    other: cython.longlong = 1 - judge.x
    third: cython.longlong = -1
    for s in range(f + 1):
        if judge.side[s] != judge.x:
            if judge.flags[s] & SYN and judge.ts_val[s] >= 0:
                third = judge.ts_val[s]
        elif judge.flags[s] & ACK and not judge.flags[s] & (SYN | RST) and difference(judge.seq[s], judge.seq[f]) <= 0:
            if judge.isn[other] < 0 or difference(judge.ack[s], judge.isn[other]) > 1:
                return 1
            if judge.ts_ecr[s] >= 0 and third >= 0 and difference(judge.ts_ecr[s], third) > 0 and not _older_copy(judge, f, third):
                return 1
            if s < f and judge.seq[s] == judge.seq[f] and not _odd_before(judge, s):
                return 1
    return 0


def _older_copy(judge, f, stamp):
    """A copy of FIN f, captured after it, echoes no later timestamp than that: f is a repeat, which left later."""
    s: cython.longlong
    for s in range(f + 1, judge.size):
        if judge.side[s] == judge.x and judge.flags[s] & FIN and judge.ts_ecr[s] >= 0 and difference(judge.ts_ecr[s], stamp) <= 0:
            return 1
    return 0


def _syn_ack_follows(judge, s, n):
    """The side sends its SYN-ACK again after record s."""
    k: cython.longlong
    for k in range(s + 1, n):
        if judge.side[k] == judge.x and judge.flags[k] & SYN and judge.flags[k] & ACK and judge.seq[k] == judge.own:
            return 1
    return 0


def silent(judge, k, n, end_ns, event, state):
    """The capture goes on long enough after record k for a timer of the side to run out, and the side sent nothing again.

    After each repeat of its SYN-ACK or FIN the next takes twice as long (RFC 6298 §5.5). `state`: the one that the event leaves.
    """
    s: cython.longlong
    spoken: cython.longlong = 0
    kind: cython.longlong = SYN if event == RCV_ACK_OF_SYN else FIN if event == RCV_ACK_OF_FIN else 0
    wait: cython.longlong = TIMER_NS // 2 if kind == FIN else TIMER_NS
    if judge.last_alive[judge.x] < 0:
        return 0  # nothing of it was captured: its silence says nothing
    for s in range(n):
        if s <= k:
            if judge.side[s] == judge.x and judge.flags[s] & kind and wait < 64 * TIMER_NS:
                wait *= 2
        elif judge.side[s] == judge.x and judge.octets[s] > 0:
            return 0
        elif judge.flags[s] & RST:
            # It may have ended the side, and its timers; one of its own (in FIN-WAIT-1: ABORT sends one, §3.10.5) also before it passed
            # here. But data that it answers had come, and said what record k says.
            if kind == SYN or kind == FIN and judge.side[s] != judge.x:
                end_ns = min(end_ns, judge.time_ns[s])
            elif kind == FIN and state == FIN_WAIT_1 and not spoken:
                end_ns = min(end_ns, judge.time_ns[s] - judge.crossing_ns - TIMER_NS)
        elif judge.side[s] != judge.x and judge.octets[s] > 0 and not _fin_crossed(judge):
            spoken = 1
    if kind == SYN or state == FIN_WAIT_1 and resets(judge, k, n):
        if judge.last_alive[judge.x] < k and _asked(judge, k, n, end_ns):
            return 0  # it may have ended, and its own reset be missing from the capture
    return end_ns - judge.time_ns[k] > wait and not (kind == FIN and _reset_at_once(judge, k, n))


def _asked(judge, k, n, end_ns):
    """After record k the peer sent what every state answers at once (§3.10.7.4), data or an odd number, and for long got no answer."""
    s: cython.longlong
    until_ns: cython.longlong = end_ns
    for s in range(n - 1, k, -1):
        if judge.side[s] == judge.x:
            until_ns = judge.time_ns[s]
        elif judge.flags[s] & (ACK | RST) == ACK and until_ns - judge.time_ns[s] > judge.crossing_ns:
            if judge.octets[s] > 0 or judge.top[s] >= 0 and difference(judge.seq[s], judge.top[s]) < 0:
                return 1
    return 0


def insists(judge, k):
    """By record k the side had sent its FIN several times: silence after that may as well be its end."""
    s: cython.longlong
    times: cython.longlong = 0
    for s in range(k):
        if judge.side[s] == judge.x and judge.flags[s] & FIN:
            times += 1
    return times > 1


def resets(judge, k, n):
    """After record k the side sends RSTs: those of SYN-RECEIVED, which ends without having been opened, look alike."""
    s: cython.longlong
    for s in range(k + 1, n):
        if judge.side[s] == judge.x and judge.flags[s] & RST:
            return 1
    return 0


def _reset_at_once(judge, k, n):
    """The side had ended, perhaps before record k came: no later data, which its reset answers, shows that it did."""
    s: cython.longlong
    for s in range(k + 1, n):
        if judge.side[s] != judge.x:
            if judge.octets[s] > 0 and not _fin_crossed(judge):
                break
        elif judge.flags[s] & RST and judge.time_ns[s] - judge.time_ns[k] <= judge.crossing_ns:
            return 1
    return 0


def _fin_crossed(judge):
    """Data of the peer was under way when the side's FIN passed the capture point."""
    f: cython.longlong = judge.fin_at[judge.x]
    return f >= 0 and judge.peer_top[f] >= 0 and difference(judge.peer_top[f], judge.ack[f]) > 0


def in_turn(judge, k, first):
    """Record `first` answers the peer's FIN k, and left before any ACK of the side's own FIN that passed behind k could have come.

    The ways were steady: on both sides of the capture point the answer to the FIN took as long as that to the SYN had, within a
    sixteenth of this side's time. And this answer passed by half that time after the ACK, with the same allowance: to come before
    the FIN the ACK would have had to be twice as fast.
    """
    s: cython.longlong
    fin_ns: cython.longlong = -1
    turnaround_ns: cython.longlong = _turnaround(judge, judge.x, k)
    theirs_ns: cython.longlong = _turnaround(judge, 1 - judge.x, k)
    slack_ns: cython.longlong = turnaround_ns // 16
    if turnaround_ns < 0 or theirs_ns < 0 or abs(judge.time_ns[first] - judge.time_ns[k] - turnaround_ns) > slack_ns:
        return 0
    for s in range(first):
        if judge.flags[s] & RST:
            continue
        if judge.side[s] == judge.x:
            if judge.flags[s] & FIN:
                fin_ns = judge.time_ns[s]
        elif judge._covers_fin(s, judge.x):
            if s < k or fin_ns < 0 or abs(judge.time_ns[s] - fin_ns - theirs_ns) > slack_ns:
                return 0
            return judge.time_ns[first] - judge.time_ns[s] <= turnaround_ns // 2 + slack_ns
    return 0


def _turnaround(judge, side, k):
    """How long after the last copy of the other side's SYN that side's acknowledgment of it passed, before record k; -1 unknown.

    A SYN-ACK answers a SYN without ACK.
    """
    s: cython.longlong
    syn: cython.longlong = -1
    kind: cython.longlong = SYN | ACK
    if judge.syn_ack[side] >= 0:
        kind = SYN
    for s in range(k):
        if judge.side[s] != side:
            if judge.flags[s] & (SYN | ACK) == kind and not judge._spoiled(s):
                syn = s
        elif syn >= 0 and judge._covers_syn(s, 1 - side) and not judge.flags[s] & RST:
            return judge.time_ns[s] - judge.time_ns[syn]
    return -1


def turned_away(judge, k, n):
    """A reset of the side answers record k, as CLOSED does (§3.10.7.1), and nothing that came later: the side had ended before k."""
    s: cython.longlong
    for s in range(k + 1, n):
        if judge.side[s] != judge.x:
            if judge.flags[s] & (ACK | RST) == ACK and judge.ack[s] == judge.ack[k]:
                return 0
        elif judge.flags[s] & (RST | ACK) == RST and judge.seq[s] == judge.ack[k]:
            return 1
    return 0
