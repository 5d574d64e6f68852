"""What a side's later segments, and its silence, show of what had reached it. Floor 2. Reading: RFC 9293 §3.10.7.4, RFC 6298 §2, §5.

The questions of `engine.doubts`: each looks at the log of a side that was solved, and answers 0 or 1.
"""

import cython

from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import Event

if not cython.compiled:
    from tcpinspect.engine.judge import Judge  # noqa: F401
    from tcpinspect.protocol.seqnum import difference

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)

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
        if judge.side[s] != judge.x or not judge.flags[s] & ACK or judge.flags[s] & (SYN | RST):
            continue
        if judge.payload[s]:
            return 1
        if is_first(judge, judge.fin[judge.x]) and judge.seq[s] == (judge.own + 2) & MASK:
            return 0
        if judge.flags[s] & FIN:
            return not is_first(judge, judge.seq[s]) or opened(judge, s)
        if judge.isn[other] < 0 or difference(judge.ack[s], judge.isn[other]) > 1:
            return 1
        # Any odd segment gets a bare ACK (§3.10.7.4); where the SYN-ACK follows once more it came out of SYN-RECEIVED.
        if judge.syn_ack[judge.x] < 0 or not _syn_ack_follows(judge, s, n):
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
        elif judge.flags[s] & ACK and not judge.flags[s] & (SYN | RST):
            if judge.isn[other] < 0 or difference(judge.ack[s], judge.isn[other]) > 1:
                return 1
            if judge.ts_ecr[s] >= 0 and third >= 0 and difference(judge.ts_ecr[s], third) > 0 and not _older_copy(judge, f, third):
                return 1
            if s < f and judge.seq[s] == judge.seq[f]:
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


def silent(judge, k, n, end_ns, event):
    """The capture goes on long enough after record k for a timer of the side to run out, and the side sent nothing again.

    After each repeat of its SYN-ACK or FIN the next takes twice as long (RFC 6298 §5.5).
    """
    s: cython.longlong
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
        elif judge.flags[s] & RST and (kind == SYN or kind == FIN and judge.side[s] != judge.x) and judge.time_ns[s] < end_ns:
            end_ns = judge.time_ns[s]  # it may have ended the side, and its timers
    return end_ns - judge.time_ns[k] > wait and not (kind == FIN and _reset_at_once(judge, k, n))


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
    crossed: cython.longlong = judge.fin_at[judge.x]
    if crossed >= 0:
        crossed = judge.peer_top[crossed] >= 0 and difference(judge.peer_top[crossed], judge.ack[crossed]) > 0
    for s in range(k + 1, n):
        if judge.side[s] != judge.x:
            if judge.octets[s] > 0 and not crossed:
                break
        elif judge.flags[s] & RST and judge.time_ns[s] - judge.time_ns[k] <= judge.crossing_ns:
            return 1
    return 0
