"""One segment: what decoding found and what analysis adds. One object is reused for all packets. Floor 2.

Unknown numbers are -1 here; the tables turn them into null. Reading: RFC 9293 §3.1, §3.2.
"""

import cython


class Segment:
    """A decoded segment. Addresses are two 64-bit halves (IPv4 in the low half); offsets point into the current block.

    `checksum_status`: 0 unverified, 1 good, 2 bad, 3 unfinished. `analysis`: bits in the order of schema.ANALYSIS_FLAGS.
    `fast_open`: -1 no option, 0 asks for a cookie, else the cookie's length. `mptcp`: the subtype, -1 without the option.
    `shown`: somebody reads what stands with the segment alone, the octets in flight, `reserved`, `checksum`, `urgent_pointer` and
    `payload_at`. `side`: the endpoint of its connection that sent it; `reused`: it opened a connection on an address pair that had one.
    `row`: where it stands among the columns, if somebody keeps them.
    """

    def __init__(self):
        self.frame = 0
        self.time_ns = 0
        self.family = 0
        self.src_hi = 0
        self.src_lo = 0
        self.dst_hi = 0
        self.dst_lo = 0
        self.ttl = 0
        self.ip_id = 0
        self.src_port = 0
        self.dst_port = 0
        self.seq = 0
        self.ack = 0
        self.header_len = 20
        self.reserved = 0
        self.flags = 0
        self.window_raw = 0
        self.checksum = 0
        self.urgent_pointer = 0
        self.payload_len = 0
        self.payload_captured = 0
        self.payload_at = 0
        self.options_at = 0
        self.options_len = 0
        self.mss = -1
        self.window_shift = -1
        self.sack_permitted = 0
        self.ts_val = -1
        self.ts_ecr = -1
        self.sack_count = 0
        self.fast_open = -1
        self.mptcp = -1
        self.options_malformed = 0
        self.checksum_status = 0
        self.shown = 1
        self.side = 0
        self.reused = 0
        self.row = 0
        self.analysis = 0
        self.window = -1
        self.duplicate_ack_num = -1
        self.bytes_in_flight = -1
        self.ack_rtt_ns = -1
        self.initial_rtt_ns = -1
        self.rto_ns = -1
        if not cython.compiled:
            self.sack_left = [0] * 4
            self.sack_right = [0] * 4

    def sack_edge(self, block, right):
        """Left (right = 0) or right edge of a SACK block, for callers in Python."""
        return self.sack_right[block] if right else self.sack_left[block]

    def set_sack(self, block, left, right):
        """Set one SACK block, for callers in Python."""
        self.sack_left[block] = left
        self.sack_right[block] = right
        return 0
