"""Count and order the lines of `now` without an object for each: a flood fills tens of thousands of them. Floor 2; compiled."""

import cython
from array import array

from tcpinspect.protocol.rfc9293 import State

STATES = cython.declare(cython.longlong, len(State))


def states(cells, width, column):
    """How many of the lines in use have each state, by its number, in this column."""
    found = array("q", bytes(8 * STATES))
    counts: cython.longlong[::1] = found
    at: cython.longlong = 0
    while at + width <= len(cells):
        if cells[at] >= 0 and 0 <= cells[at + column] < STATES:
            counts[cells[at + column]] += 1
        at += width
    return found


def used(cells, width):
    """How many of the lines are in use."""
    at: cython.longlong = 0
    count: cython.longlong = 0
    while at + width <= len(cells):
        count += cells[at] >= 0
        at += width
    return count


def best(cells, width, column, largest, most, chosen=None):
    """The slots of the `most` lines with the largest (or smallest) values in a column, in that order; of equal ones the line with
    the lower number comes first. `chosen`: only among these slots.
    """
    kept = array("q", bytes(8 * max(1, most)))
    heap: cython.longlong[::1] = kept
    count: cython.longlong = 0
    slot: cython.longlong
    last: cython.longlong
    if most <= 0:
        return []
    for slot in range(len(cells) // width) if chosen is None else chosen:
        if cells[slot * width] < 0:
            continue
        if count < most:
            heap[count] = slot
            count += 1
            rise(cells, width, column, largest, heap, count - 1)
        elif before(cells, width, column, largest, slot, heap[0]):
            heap[0] = slot
            sink(cells, width, column, largest, heap, count)
    found = []
    while count:
        found.append(heap[0])
        count -= 1
        last = heap[count]
        heap[0] = last
        sink(cells, width, column, largest, heap, count)
    found.reverse()
    return found


def before(cells, width, column, largest, one, other):
    """Whether the line in slot `one` stands before that in slot `other`."""
    mine: cython.longlong = cells[one * width + column]
    its: cython.longlong = cells[other * width + column]
    if mine != its:
        return (mine > its) == largest
    return cells[one * width + 1] < cells[other * width + 1]


def rise(cells, width, column, largest, heap, at):
    """Put the slot at this place of the heap right; the one that stands last is its root."""
    above: cython.longlong
    slot: cython.longlong = heap[at]
    while at:
        above = (at - 1) >> 1
        if not before(cells, width, column, largest, heap[above], slot):
            break
        heap[at] = heap[above]
        at = above
    heap[at] = slot
    return 0


def sink(cells, width, column, largest, heap, count):
    """Put the root of a heap of `count` slots right."""
    at: cython.longlong = 0
    below: cython.longlong
    slot: cython.longlong
    if not count:
        return 0
    slot = heap[0]
    while 2 * at + 1 < count:
        below = 2 * at + 1
        if below + 1 < count and before(cells, width, column, largest, heap[below], heap[below + 1]):
            below += 1
        if not before(cells, width, column, largest, slot, heap[below]):
            break
        heap[at] = heap[below]
        at = below
    heap[at] = slot
    return 0
