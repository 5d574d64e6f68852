"""The numbers of a steady stretch, shared by all analyses while a connection only goes on (engine.steady). Floor 2; compiled."""

import cython

# The shift of a window whose scale is unknown: it ends at its acknowledgment, where no data that goes on can end.
NOWHERE = 32
# Kinds of segments that a side has shown, as engine.zeek keeps them; in `noted` only data, and an acknowledgment alone.
SYN_BIT = 1
FIN_BIT = 2
DATA_BIT = 16
ACK_BIT = 32


@cython.freelist(256)
@cython.cclass
class Stretch:
    """What is next on both sides, and what was counted since it began.

    `due`: the sequence number that comes next. `ack`: the last acknowledgment sent. `edge`: where the window ends that a side offers,
    as Wireshark reckons it. `whole`: up to where the capture holds every octet of a side. `noted`: the kinds of segments that history
    and completeness have already of a side. `limit`: the largest payload that its peer may send it. `logged`: the log of the handshake
    wants every segment still (engine.moments).
    """

    def __init__(self):
        self.running = 0
        self.logged = 0
        if not cython.compiled:
            for name in (
                "due", "ack", "edge", "whole", "window", "shift", "limit", "noted", "packets", "octets", "good", "oversize",
                "oversize_frame", "last_frame", "last_ns", "data_ns", "data_id", "ts_known", "ts", "ts_ns",
            ):  # fmt: skip
                setattr(self, name, [0, 0])

    def begin(self, time_ns):
        """Count from here; `time_ns` is the latest time of the connection so far."""
        side: cython.longlong
        self.running = 1
        self.time_ns = time_ns
        for side in range(2):
            self.packets[side] = self.octets[side] = self.good[side] = self.oversize[side] = 0
        return 0


def new_stretch():
    """None is running. Every connection wants one: the class is not called for it, which takes longer than making one."""
    return Stretch.__new__(Stretch) if cython.compiled else Stretch()
