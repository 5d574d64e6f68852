"""Fold a long connection on columns of numbers, without an object a segment. Floor 4. Reading: `fold`, which is the measure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tcpinspect.plot.flow import Numbers
from tcpinspect.plot.fold import COUNTED, GRAVE, LEVELS, MILD, SHORTEST_RUN, UNFOLDED, Run, Tally, ends_only
from tcpinspect.protocol.header import ACK, FIN, RST, SYN


def fold_columns(arrays: Any, first: int, past: int, stepping: Collection[int], silent: Numbers, *, most: int) -> list[Run]:
    """The arrows of segments `first` to before `past`, as `fold.runs` gives them; indices count from `first`."""
    number = past - first
    if number <= min(UNFOLDED, most):
        return [Run(n, n) for n in range(number)]
    weights = _weights(arrays, slice(first, past), stepping)
    found: list[Run] = []
    for level, over_silence in LEVELS:
        found = _fold(weights, level, silent[:0] if over_silence else silent, most if (level, over_silence) != LEVELS[-1] else number)
        if 0 < len(found) <= most:
            return found
    return ends_only(found, most)


def _weights(arrays: Any, part: slice, stepping: Collection[int]) -> Numbers:
    """0 dull, 1 a mild mark seen before, 2 a grave one seen before, 3 the first of its kind, 4 SYN, FIN, RST, 5 a state changes."""
    import numpy as np

    way = arrays["from_client"][part]
    flags = {name: arrays[name][part] for name in (*GRAVE, *MILD)}
    grave, mild = (np.logical_or.reduce([flags[name] for name in names]) for names in (GRAVE, MILD))
    mild &= ~grave
    out = np.where(grave, 2, np.where(mild, 1, 0))
    kinds = [flags[name] for name in GRAVE] + [flags[name] & mild for name in MILD]
    kinds.append((arrays["payload_len"][part] > 0) & ~grave & ~mild)
    for kind in kinds:
        for mine in (kind & way, kind & ~way):
            if mine.any():
                out[mine.argmax()] = 3
    out[(arrays["tcp_flags"][part] & (SYN | FIN | RST)) != 0] = 4
    out[np.isin(arrays["frame"][part], list(stepping))] = 5
    return out


def _fold(weights: Numbers, level: int, silent: Numbers, most: int) -> list[Run]:
    """The runs at a level; none at all where they would be more than `most`."""
    import numpy as np

    dull = weights <= level
    begins = np.ones(len(dull), dtype=bool)
    begins[1:] = ~(dull[1:] & dull[:-1])
    begins[silent] = True
    starts = np.flatnonzero(begins)
    lengths = np.diff(np.append(starts, len(dull)))
    together = lengths >= SHORTEST_RUN
    if int(together.sum() + lengths[~together].sum()) > most:
        return []
    out: list[Run] = []
    for start, length, one in zip(starts.tolist(), lengths.tolist(), together.tolist(), strict=True):
        out += [Run(start, start + length - 1)] if one else [Run(n, n) for n in range(start, start + length)]
    return out


def tally(arrays: Any, first: int, past: int) -> Tally:
    """What segments `first` to before `past` come to."""
    part = slice(first, past)
    sizes, flags, by_client = arrays["payload_len"][part], arrays["tcp_flags"][part], arrays["from_client"][part]
    other = ((flags & (ACK | SYN | FIN | RST)) != ACK) | arrays["keep_alive"][part]
    ways = (~by_client, by_client)
    segments, octets = [int(way.sum()) for way in ways], [int(sizes[way].sum()) for way in ways]
    bare = [not other[way].any() for way in ways]
    counts = {name: int(arrays[name][part].sum()) for name in COUNTED}
    return Tally((segments[0], segments[1]), (octets[0], octets[1]), (bare[0], bare[1]), counts)
