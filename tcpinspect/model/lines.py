"""Columns to lines of text: keys, numbers and precomputed words, copied into one buffer. Floor 3; compiled.

The machine formats differ only in the words around the values, so one loop writes them all. What stands in a field is
told by its `Field`; a batch gives an array of numbers for each (`batches.py`), and no row ever becomes an object.
"""

import cython
from array import array

if not cython.compiled:
    from tcpinspect.engine.columns import widen

SLAB = cython.declare(cython.longlong, 512)  # rows whose numbers are brought to 64 bits together: they stay in the cache
MOST_FIELDS = cython.declare(cython.longlong, 64)
MOST_SMALL = cython.declare(cython.longlong, 4096)  # codes found by their place in a list
MOST_LARGE = cython.declare(cython.longlong, 65536)  # others remembered
NUMBER = cython.declare(cython.longlong, 0)
WORD = cython.declare(cython.longlong, 1)
STAMPS = cython.declare(cython.longlong, 2)
LEAST = cython.declare(cython.longlong, -(1 << 62) - (1 << 61))  # below every number a table has, UNKNOWN included
# Two digits at a time.
PAIRS = "".join([f"{pair:02}" for pair in range(100)]).encode("ascii")

STAMPED = -3  # the code of a text made of two numbers, see Field


class Field:
    """How a field is written: `key` before it, then by the kind of `values`.

    Numbers stand as they are; `null` stands for those not above `null_limit`. With `words` the values are codes, and
    `words(code)` gives the octets (a code not above `null_limit` is null), asked once a code. With `stamps` (three texts) a code
    STAMPED is written as texts around the numbers of the next two columns, which have no field of their own.
    """

    def __init__(self, key, *, null=b"", null_limit=LEAST, words=None, stamps=None):
        self.key = key
        self.null = null
        self.null_limit = null_limit
        self.words = words
        self.stamps = stamps
        self.first_column = 0
        self.small = []
        self.large = {}

    def forget(self):
        """Forget the words of all codes: they may mean something else now."""
        self.small = [None] * MOST_SMALL
        self.large = {}


class Lines:
    """Writes rows of `fields` between `before` and `after` into one buffer; `used` octets of it."""

    def __init__(self, fields, before=b"", after=b"\n"):
        assert len(fields) + 2 <= MOST_FIELDS
        self.fields = list(fields)
        self.count = len(self.fields)
        self.before = before
        self.after = after
        if not cython.compiled:
            self.kinds = [0] * 64
            self.nulls = [0] * 64
        self.capacity = 1 << 16
        self.buffer = bytearray(self.capacity)
        self.view = self.buffer
        self.scratch = array("q", bytes(8 * SLAB * (len(self.fields) + 2)))
        self.used = 0
        self.pairs = PAIRS

    def begin(self):
        """Take over how the fields are written now; call before `write` when that has changed."""
        k: cython.longlong = 0
        for field in self.fields:
            self.kinds[k] = STAMPS if field.stamps else WORD if field.words else NUMBER
            self.nulls[k] = field.null_limit
            k += 1

    def write(self, columns, first, last):
        """The lines of rows `first` to `last` (not included) as a view of the buffer, valid until the next call. `columns`: an
        array a field (and two more behind a field with stamps)."""
        at: cython.longlong = first
        n: cython.longlong
        self.used = 0
        while at < last:
            count: cython.longlong = min(SLAB, last - at)
            k: cython.longlong = 0
            for values in columns:
                widen(values, at, count, self.scratch, k * SLAB)
                k += 1
            for n in range(count):
                self.row(n)
            at += count
        return memoryview(self.buffer)[: self.used]

    def row(self, n):
        k: cython.longlong
        at: cython.longlong = n
        value: cython.longlong
        field: Field
        self.put(self.before)
        for k in range(self.count):
            field = self.fields[k]
            value = self.scratch[at]
            self.put(field.key)
            if self.kinds[k] == STAMPS:
                if value == -3:
                    self.put(field.stamps[0])
                    self.number(self.scratch[at + SLAB])
                    self.put(field.stamps[1])
                    self.number(self.scratch[at + 2 * SLAB])
                    self.put(field.stamps[2])
                else:
                    self.text(field, value)
                at += 2 * SLAB
            elif value <= self.nulls[k]:
                self.put(field.null)
            elif self.kinds[k] == NUMBER:
                self.number(value)
            else:
                self.text(field, value)
            at += SLAB
        self.put(self.after)
        return 0

    def option_texts(self, pool, ats, lengths, count, other):
        """The options of each row as `protocol.header.options_text` writes them, one text behind the other: (array of where each
        begins and the last ends, their octets). `other` writes those not in daily use."""
        offsets = array("q", bytes(8 * (count + 1)))
        widen(ats, 0, count, offsets, 1)  # where they lie, until it is known where their texts end
        n: cython.longlong
        size: cython.longlong = count
        begin: cython.longlong
        ends: cython.longlong[::1] = offsets
        octets: cython.const[cython.uchar][::1] = pool
        at: cython.longlong
        length: cython.const[cython.uchar][::1] = lengths
        self.used = 0
        for n in range(size):
            begin = self.used
            at = ends[n + 1]
            if length[n] and not self.put_options(octets, at, at + length[n]):
                self.used = begin
                self.put(other(bytes(pool[at : at + length[n]])).encode("ascii"))
            ends[n + 1] = self.used
        return offsets, bytes(memoryview(self.buffer)[: self.used])

    def options(self, raw):
        """The text of options that are in daily use and well-formed; None where one is neither."""
        self.used = 0
        return self.buffer[: self.used].decode("ascii") if self.put_options(raw, 0, len(raw)) else None

    def put_options(self, octets, at, end):
        """Write the options that lie at … end−1; 0, and something half written, where one is malformed or not in daily use."""
        begin: cython.longlong = self.used
        kind: cython.longlong
        size: cython.longlong
        k: cython.longlong
        if is_stamped(octets, at, end):
            self.put(b"nop,nop,TS val ")
            self.number(big_endian(octets, at + 4, at + 8))
            self.put(b" ecr ")
            self.number(big_endian(octets, at + 8, at + 12))
            return 1
        while at < end:
            kind = octets[at]
            if self.used > begin:
                self.put(b",")
            if kind == 1:
                self.put(b"nop")
                at += 1
                continue
            size = octets[at + 1] if at + 1 < end else 0
            if at + size > end:
                return 0
            if kind == 2 and size == 4:
                self.put(b"mss ")
                self.number(big_endian(octets, at + 2, at + 4))
            elif kind == 3 and size == 3:
                self.put(b"wscale ")
                self.number(octets[at + 2])
            elif kind == 4 and size == 2:
                self.put(b"sackOK")
            elif kind == 5 and 10 <= size <= 34 and (size - 2) % 8 == 0:
                self.put(b"sack")
                for k in range(at + 2, at + size, 8):
                    self.put(b" ")
                    self.number(big_endian(octets, k, k + 4))
                    self.put(b":")
                    self.number(big_endian(octets, k + 4, k + 8))
            elif kind == 8 and size == 10:
                self.put(b"TS val ")
                self.number(big_endian(octets, at + 2, at + 6))
                self.put(b" ecr ")
                self.number(big_endian(octets, at + 6, at + 10))
            else:
                return 0
            at += size
        return 1

    def text(self, field, code):
        """Write the word of a code."""
        found: object
        if 0 <= code < MOST_SMALL:
            found = field.small[code]
            if found is None:
                found = field.words(code)
                field.small[code] = found
        else:
            found = field.large.get(code)
            if found is None:
                found = field.words(code)
                if len(field.large) < MOST_LARGE:
                    field.large[code] = found
        self.put(found)
        return 0

    @cython.boundscheck(False)  # there is room
    def number(self, value):
        """Write a decimal number."""
        rest: cython.longlong
        at: cython.longlong
        pair: cython.longlong
        digits: cython.longlong = 1
        beyond: cython.longlong = 10
        self.room(24)
        if value < 0:
            if value < -(1 << 62):  # its negative may not exist
                self.put(str(value).encode("ascii"))
                return 0
            self.view[self.used] = 45
            self.used += 1
            value = -value
        while beyond <= value:
            digits += 1
            if digits == 19:
                break  # 10 to the 19th is more than 63 bits
            beyond *= 10
        # from the last digit backwards, two at a time
        at = self.used + digits
        self.used = at
        view: cython.uchar[::1] = self.view
        pairs: cython.const[cython.uchar][::1] = self.pairs
        while digits > 1:
            rest = value // 100
            pair = 2 * (value - rest * 100)
            view[at - 2] = pairs[pair]
            view[at - 1] = pairs[pair + 1]
            value = rest
            at -= 2
            digits -= 2
        if digits:
            view[at - 1] = 48 + value
        return 0

    def put(self, text):
        size: cython.longlong = len(text)
        if not size:
            return 0
        self.room(size)
        if cython.compiled:
            memcpy(cython.address(self.view[self.used]), cython.cast(cython.p_char, text), size)  # noqa: F821
        else:
            self.buffer[self.used : self.used + size] = text
        self.used += size
        return 0

    def room(self, size):
        """Make the buffer large enough for `size` octets more."""
        if self.used + size > self.capacity:
            while self.used + size > self.capacity:
                self.capacity *= 2
            grown = bytearray(self.capacity)
            memoryview(grown)[: self.used] = memoryview(self.buffer)[: self.used]
            self.buffer = grown
            self.view = grown
        return 0


def is_stamped(octets, at, end):
    """Two NOPs and timestamps, as RFC 7323 appendix A recommends them."""
    return end - at == 12 and octets[at] == 1 and octets[at + 1] == 1 and octets[at + 2] == 8 and octets[at + 3] == 10


def big_endian(octets, at, end):
    """The octets at … end−1 as a number, the first the highest."""
    value: cython.longlong = 0
    k: cython.longlong
    for k in range(at, end):
        value = value << 8 | octets[k]
    return value


def spread(stream, side, table, flip, count):
    """table[2 × stream + side] of each row (of the other side with `flip`), as an array."""
    out = array("q", bytes(8 * count))
    widen(stream, 0, count, out, 0)
    n: cython.longlong
    size: cython.longlong = count
    turn: cython.longlong = flip
    to: cython.longlong[::1] = out
    sides: cython.const[cython.uchar][::1] = side
    values: cython.const[cython.longlong][::1] = table
    for n in range(size):
        to[n] = values[2 * to[n] + (sides[n] ^ turn)]
    return out


def places(values, wanted, count):
    """Which of the first `count` numbers are `wanted`."""
    found = []
    cells = array("q", bytes(8 * SLAB))
    number: cython.longlong = wanted
    size: cython.longlong = count
    first: cython.longlong
    n: cython.longlong
    here: cython.longlong
    slab: cython.longlong[::1] = cells
    for first in range(0, size, SLAB):
        here = min(SLAB, size - first)
        widen(values, first, here, cells, 0)
        for n in range(here):
            if slab[n] == number:
                found.append(first + n)
    return found


def option_codes(pool, ats, lengths, count):
    """Codes of the options of each row: 0 none, STAMPED for the usual two NOPs and timestamps (RFC 7323 appendix A), -4: others."""
    out = array("q", bytes(8 * count))
    widen(ats, 0, count, out, 0)
    n: cython.longlong
    size: cython.longlong = count
    p: cython.longlong
    to: cython.longlong[::1] = out
    octets: cython.const[cython.uchar][::1] = pool
    length: cython.const[cython.uchar][::1] = lengths
    for n in range(size):
        if not length[n]:
            to[n] = 0
            continue
        p = to[n]
        to[n] = -3 if is_stamped(octets, p, p + length[n]) else -4
    return out
