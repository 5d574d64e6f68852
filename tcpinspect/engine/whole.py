# cython: boundscheck=False
"""What is counted of a capture as a whole. Floor 2; compiled."""

import cython

if not cython.compiled:
    from tcpinspect.engine.health import Health


class Whole:
    """`frames`, `octets` (on the wire) and `cut` (packets shortened by the snap length) count; `first_ns`, `last_ns` are the earliest
    and the latest time, -1 before the first packet; `steps_back` counts packets older than the latest. `health`: the clock."""

    def __init__(self):
        self.health = Health()
        self.frames = 0
        self.octets = 0
        self.cut = 0
        self.first_ns = -1
        self.last_ns = -1
        self.steps_back = 0

    def count(self, records, first, last):
        """Count records `first` to `last` (not included). Returns what makes frames of their numbers: the frame of record n is that + n."""
        n: cython.longlong
        time_ns: cython.longlong
        octets: cython.longlong = 0
        cut: cython.longlong = 0
        before: cython.longlong = self.frames + 1 - first
        last_ns: cython.longlong = self.last_ns
        lengths: cython.uint[::1] = records.lengths
        wire_lengths: cython.uint[::1] = records.wire_lengths
        times: cython.longlong[::1] = records.times
        health: Health = self.health
        if self.first_ns < 0 and first < last:
            self.first_ns = times[first]
        for n in range(first, last):
            octets += wire_lengths[n]
            cut += lengths[n] < wire_lengths[n]
            time_ns = times[n]
            if time_ns >= last_ns and not health.behind:
                last_ns = time_ns
                health.previous_ns = time_ns
                continue
            if time_ns >= last_ns:
                last_ns = time_ns
            else:
                self.steps_back += 1
                if time_ns < self.first_ns:
                    self.first_ns = time_ns
            if health.behind or time_ns < health.previous_ns:
                health.clock(time_ns, before + n)
            else:
                health.previous_ns = time_ns
        if cut and not health.cut_frame:
            n = first
            while lengths[n] >= wire_lengths[n]:
                n += 1
            health.cut_frame = before + n
        self.cut += cut
        self.last_ns = last_ns
        self.frames += last - first
        self.octets += octets
        return before
