"""Which connections get a section of their own in a report. Floor 4. Reading: none."""

from __future__ import annotations

from typing import Any

from tcpinspect.insight.interest import crowds, interesting

# So many sections are read and drawn at once in a browser on a phone; the table has all connections.
MOST_SECTIONS = 40


def sections(rows: list[Any], *, most: int = MOST_SECTIONS) -> list[int]:
    """Stream numbers in order: the most interesting `most`, then, where there is room, the first of the ordinary ones.

    Of many connections that failed alike only the one that speaks for them gets a section: the others say the same.
    """
    chosen = [one.stream for one in interesting(rows, limit=most)]
    silent = set(crowds(rows)) | set(chosen)
    ordinary = (row.stream for row in rows if row.stream not in silent)
    chosen += [stream for stream, _ in zip(ordinary, range(most - len(chosen)), strict=False)]
    return sorted(chosen)
