"""What the words, losses and ties of a few segments of a long connection rest on: which other segments. Floor 4.

Reading: RFC 9293 §3.4 (what acknowledges what), §3.8.1 (a retransmission and its original).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from tcpinspect.plot.flow import Numbers, unwrapped
from tcpinspect.plot.frames import LATELY
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

# Of the segments that carry the same octets, those nearest to one that is shown: before it, and after it.
_COPIES = 32


def context(arrays: Any, shown: Sequence[int], stepping: Collection[int], *, also: Iterable[int]) -> list[int]:
    """Places, in order, of the segments to know one by one, so that all is said of the `shown` ones that a whole reading says.

    `stepping` are the frames that change a state; `also` are further places (those outside the connection are passed over).
    """
    import numpy as np

    total = len(arrays)
    flags = arrays["tcp_flags"]
    found = {n for n in (*shown, *also, 0, total - 1) if 0 <= n < total}
    found.update(np.flatnonzero(np.isin(arrays["frame"], list(stepping))).tolist())
    found.update(_ends(np.flatnonzero((flags & SYN) == 0)))
    wanted = np.array(sorted(shown), dtype=np.int64)
    for way in (arrays["from_client"], ~arrays["from_client"]):
        found.update(_ends(np.flatnonzero(way)))
        for kind in ((flags & (SYN | ACK)) == SYN, (flags & (SYN | ACK)) == SYN | ACK, (flags & FIN) != 0, (flags & RST) != 0):
            found.update(_ends(np.flatnonzero(way & kind)))
        found.update(_highest_before(arrays, np.flatnonzero(way & ((flags & RST) == 0)), wanted))
        found.update(_same_octets(arrays, way, shown))
    return sorted(found)


def _ends(places: Numbers) -> list[int]:
    return [int(places[0]), int(places[-1])] if len(places) else []


def _highest_before(arrays: Any, rows: Numbers, wanted: Numbers) -> Iterable[int]:
    """Of one direction's `rows`, before each wanted place: the last one, the one that sent furthest, the one that acknowledged furthest."""
    import numpy as np

    if not len(rows):
        return
    flags = arrays["tcp_flags"][rows]
    end = unwrapped(arrays["seq_raw"][rows]) + arrays["payload_len"][rows] + ((flags & SYN) != 0) + ((flags & FIN) != 0)
    acking = rows[(flags & ACK) != 0]
    rises = [rows, rows[_rising(end)], acking[_rising(unwrapped(arrays["ack_raw"][acking]))]]
    for places in rises:
        at: Any = np.searchsorted(places, wanted) - 1
        yield from places[at[at >= 0]].tolist()


def _rising(values: Numbers) -> Numbers:
    """Which values are above all before them."""
    import numpy as np

    out = np.ones(len(values), dtype=bool)
    out[1:] = values[1:] > np.maximum.accumulate(values)[:-1]
    return out


def _same_octets(arrays: Any, way: Numbers, shown: Sequence[int]) -> Iterable[int]:
    """Of one direction: copies of the shown segments that begin at the same number, and the latest before that holds their first octet."""
    import numpy as np

    flags = arrays["tcp_flags"]
    size = arrays["payload_len"] + ((flags & (SYN | FIN)) != 0)
    carrying = np.flatnonzero(way & (size > 0) & ((flags & RST) == 0))
    raw = arrays["seq_raw"][carrying]
    for place in shown:
        if not way[place] or not size[place] or flags[place] & RST:
            continue
        number = int(arrays["seq_raw"][place])
        same = carrying[raw == number]
        at = int(np.searchsorted(same, place))
        yield from same[max(0, at - _COPIES) : at + _COPIES].tolist()
        here = int(np.searchsorted(carrying, place))
        lately = carrying[max(0, here - LATELY) : here]
        holding = lately[(number - arrays["seq_raw"][lately]) % 2**32 < size[lately]]
        yield from holding[-1:].tolist()
