"""Some records side by side, one column for each property: what every source hands to the engine. Floor 1; compiled.

No object per packet: record n is the octets `offsets[n]` … `offsets[n] + lengths[n]` of `view`.
"""

from array import array


class Batch:
    """`count` records: where each lies in `view`, its captured length, its length on the wire, its time in ns since 1970 UTC,
    its link type (tcpdump.org's numbers) and the number of its interface. What a source left there holds until its next call.
    """

    def __init__(self, capacity):
        self.view = b"\0"
        self.offsets = array("I", bytes(4 * capacity))
        self.lengths = array("I", bytes(4 * capacity))
        self.wire_lengths = array("I", bytes(4 * capacity))
        self.times = array("q", bytes(8 * capacity))
        self.links = array("i", bytes(4 * capacity))
        self.interface_numbers = array("i", bytes(4 * capacity))
        self.count = 0

    def record(self, n):
        """(offset, captured length, length on the wire, time in ns, link type) of record n, for whoever looks at single ones."""
        if n < 0 or n >= self.count:
            raise IndexError(f"record {n} of {self.count}")
        return self.offsets[n], self.lengths[n], self.wire_lengths[n], self.times[n], self.links[n]
