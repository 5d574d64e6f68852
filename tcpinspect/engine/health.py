"""The clock of a capture, and where its damage first shows. Floor 2; compiled."""

import cython

# RFC 5905 §11.3: a clock that is off by less than 128 ms is slewed, and stepped beyond.
STEP_NS = cython.declare(cython.longlong, 128000000)
STEP_PACKETS = cython.declare(cython.longlong, 16)
# So many packets at the end, all behind, are no latecomers.
SETTLED = cython.declare(cython.longlong, 3)
SECOND = cython.declare(cython.longlong, 1000000000)


class Health:
    """The clock of the capture, and the first frame of each kind of damage (0: none).

    `disordered` counts packets behind a later one by the stamps, `steps_back` the times the clock itself went back,
    `jumps` the times it went ahead of the senders' own clocks, `leaps` (frame, from, to) of each; `leaps_seen`: those that connections
    have shown, until they are put in order.
    """

    def __init__(self):
        self.previous_ns = -1
        self.high_ns = 0
        self.step_ns = 0
        self.step_frame = 0
        self.behind = 0
        self.waited = 0
        self.disordered = 0
        self.disorder_frame = 0
        self.steps_back = 0
        self.step_back_frame = 0
        self.jumps = 0
        self.jump_frame = 0
        self.jump_ns = -1
        self.leaps = []
        self.leaps_seen = []
        self.cut_frame = 0
        self.late_frame = 0
        self.oversize_frame = 0
        self.unfinished_frame = 0
        self.bad_frame = 0

    def clock(self, time_ns, frame):
        """Tell packets that are out of order from a clock that was set back: after the latter all stay behind."""
        back: cython.longlong = self.previous_ns - time_ns
        if self.behind:
            if time_ns >= self.high_ns:
                # One leap back to where it was: the packets between were late. At their own pace: the clock had stepped.
                self.judge(self.step_ns >= STEP_NS and (time_ns - self.previous_ns) * 2 < self.step_ns)
            elif self.step_ns >= STEP_NS and self.waited >= STEP_PACKETS:
                self.judge(1)
            elif back >= STEP_NS and self.step_ns < STEP_NS:
                self.judge(0)
            else:
                self.waited += 1
        if not self.behind and back > 0 and self.previous_ns >= 0:
            self.behind = 1
            self.waited = 1
            self.high_ns = self.previous_ns
            self.step_ns = back
            self.step_frame = frame
        self.previous_ns = time_ns
        return 0

    def judge(self, stepped):
        """End an excursion into the past."""
        if stepped:
            self.steps_back += 1
            if not self.step_back_frame:
                self.step_back_frame = self.step_frame
        else:
            self.disordered += self.waited
            if not self.disorder_frame:
                self.disorder_frame = self.step_frame
        self.behind = 0
        return 0

    def settle(self):
        """The capture has ended: decide what is still open."""
        if self.behind:
            self.judge(self.step_ns >= SECOND or (self.step_ns >= STEP_NS and self.waited >= SETTLED))
        return 0

    def settle_leaps(self):
        """Segments are followed connection by connection: bring what they showed into the order of the capture."""
        for frame, from_ns, to_ns in sorted(self.leaps_seen):
            self.jumped(from_ns, to_ns, frame)
        self.leaps_seen = []
        return 0

    def jumped(self, from_ns, to_ns, frame):
        """The clock went ahead between two segments; every connection alive then sees the same jump."""
        if from_ns <= self.jump_ns:
            return 0
        self.jumps += 1
        self.leaps.append((frame, from_ns, to_ns))
        self.jump_ns = to_ns
        if not self.jump_frame:
            self.jump_frame = frame
        return 0
