# cython: boundscheck=False
"""Where the engine's results are written: once, into preallocated arrays. Floor 2; compiled.

`SegmentColumns` is one array a column, in chunks, so that a consumer may take a chunk away; `Rows` is for the tables with
a row a connection or a step. Unknown is -1 in columns whose values cannot be negative, and UNKNOWN in Rows.

What is long lies in memory of the kernel's own (`memory`).
"""

import cython
from tcpinspect.engine.memory import anonymous, grown

if not cython.compiled:
    from tcpinspect.engine.segment import Segment

    memcpy = None  # cimported where compiled

UNKNOWN = -(1 << 62)
FIRST_CHUNK = cython.declare(cython.longlong, 2048)
LARGEST_CHUNK = cython.declare(cython.longlong, 65536)

# The arrays of a chunk: name to array type code (B, H, I unsigned; h, i, q signed; 8, 16, 32, 64 bits).
SEGMENT_ARRAYS = {
    "frame": "q", "time_ns": "q", "stream": "i", "side": "B", "seq_raw": "I", "ack_raw": "I", "tcp_flags": "H", "payload_len": "i",
    "window_raw": "H", "window": "i", "analysis": "H", "duplicate_ack_num": "i", "bytes_in_flight": "i", "ack_rtt_ns": "q",
    "initial_rtt_ns": "q", "rto_ns": "q", "seq": "q", "ack": "q", "data_offset": "B", "reserved": "B", "checksum": "H",
    "checksum_status": "B", "urgent_pointer": "H", "mss": "i", "window_shift": "h", "sack_blocks": "B", "marks": "B",
    "ts_val": "q", "ts_ecr": "q", "options_at": "i", "options_len": "B", "ttl": "B", "ip_id": "i",
}  # fmt: skip
OCTETS = {"q": 8, "i": 4, "I": 4, "H": 2, "h": 2, "B": 1}
MOST_OPTIONS = cython.declare(cython.longlong, 40)  # octets of a segment's options: RFC 9293 §3.1, a data offset of 15
USUAL_OPTIONS = 16  # there is room for in the pool, a row; where they are longer a chunk ends sooner
MARK_SACK_PERMITTED = 1
MARK_OPTIONS_MALFORMED = 2


class Rows:
    """Rows of `width` 64-bit numbers, one after the other in `data` (a memoryview); `count` of them."""

    def __init__(self, width):
        self.width = width
        self.count = 0
        self.capacity = 64
        self.data = self.view = memoryview(anonymous(8 * width * self.capacity)).cast("q")

    def begin(self):
        """Start another row."""
        self.reserve(1)
        return 0

    def reserve(self, rows):
        """Start so many rows."""
        self.count += rows
        if self.count > self.capacity:
            self.capacity = max(2 * self.capacity, self.count)
            memory = self.data.obj
            self.data = self.view = None
            self.data = self.view = memoryview(grown(memory, 8 * self.width * self.capacity)).cast("q")
        return 0

    def put(self, column, value):
        """Set a column of the newest row."""
        self.view[(self.count - 1) * self.width + column] = value
        return 0

    def append(self, values):
        """Add a whole row, for callers in Python."""
        k: cython.longlong = 0
        self.begin()
        for value in values:
            self.put(k, value)
            k += 1

    def join(self, octets):
        """Add rows that were octets of such numbers."""
        before: cython.longlong = self.count
        self.reserve(len(octets) // (8 * self.width))
        self.data.cast("B")[8 * self.width * before : 8 * self.width * self.count] = octets


class SegmentColumns:
    """The segments table in chunks: `chunks`, a list or what is like one, gets (rows, arrays by name) whenever one is full."""

    def __init__(self, chunks=None):
        self.chunks = [] if chunks is None else chunks
        self.capacity = FIRST_CHUNK // 2
        self.start()

    def start(self):
        self.capacity = min(self.capacity * 2, LARGEST_CHUNK)
        self.count = 0
        self.pool_used = 0
        arrays = self.arrays = empty_arrays(self.capacity)
        self.frame = arrays["frame"]
        self.time_ns = arrays["time_ns"]
        self.stream = arrays["stream"]
        self.side = arrays["side"]
        self.seq_raw = arrays["seq_raw"]
        self.ack_raw = arrays["ack_raw"]
        self.tcp_flags = arrays["tcp_flags"]
        self.payload_len = arrays["payload_len"]
        self.window_raw = arrays["window_raw"]
        self.window = arrays["window"]
        self.analysis = arrays["analysis"]
        self.duplicate_ack_num = arrays["duplicate_ack_num"]
        self.bytes_in_flight = arrays["bytes_in_flight"]
        self.ack_rtt_ns = arrays["ack_rtt_ns"]
        self.initial_rtt_ns = arrays["initial_rtt_ns"]
        self.rto_ns = arrays["rto_ns"]
        self.seq = arrays["seq"]
        self.ack = arrays["ack"]
        self.data_offset = arrays["data_offset"]
        self.reserved = arrays["reserved"]
        self.checksum = arrays["checksum"]
        self.checksum_status = arrays["checksum_status"]
        self.urgent_pointer = arrays["urgent_pointer"]
        self.mss = arrays["mss"]
        self.window_shift = arrays["window_shift"]
        self.sack_blocks = arrays["sack_blocks"]
        self.marks = arrays["marks"]
        self.ts_val = arrays["ts_val"]
        self.ts_ecr = arrays["ts_ecr"]
        self.options_at = arrays["options_at"]
        self.options_len = arrays["options_len"]
        self.ttl = arrays["ttl"]
        self.ip_id = arrays["ip_id"]
        self.pool = arrays["options_pool"]
        return 0

    def flush(self):
        """Close the chunk being written; call once at the end."""
        if self.count:
            self.chunks.append((self.count, self.arrays))
            self.start()
        return 0

    def ready(self, rows):
        """Make sure that so many rows are entered into one chunk; rows that still wait for `complete` must not be."""
        if self.capacity - self.count < rows or len(self.pool) - self.pool_used < rows * MOST_OPTIONS:
            self.flush()
        return 0

    def enter(self, s, stream, view):
        """A row of what a segment itself says, `view` being where its options lie; all else is unknown until `complete`."""
        n: cython.longlong = self.count
        s.row = n
        self.frame[n] = s.frame
        self.time_ns[n] = s.time_ns
        self.stream[n] = stream
        self.side[n] = s.side
        self.seq_raw[n] = s.seq
        self.ack_raw[n] = s.ack
        self.tcp_flags[n] = s.flags
        self.payload_len[n] = s.payload_len
        self.window_raw[n] = s.window_raw
        self.data_offset[n] = s.header_len // 4
        self.reserved[n] = s.reserved
        self.checksum[n] = s.checksum
        self.checksum_status[n] = s.checksum_status
        self.urgent_pointer[n] = s.urgent_pointer
        self.mss[n] = s.mss
        self.window_shift[n] = s.window_shift
        self.sack_blocks[n] = s.sack_count
        self.marks[n] = (1 if s.sack_permitted else 0) | (2 if s.options_malformed else 0)
        self.ts_val[n] = s.ts_val
        self.ts_ecr[n] = s.ts_ecr
        self.options_at[n] = self.pool_used
        self.options_len[n] = s.options_len
        self.ttl[n] = s.ttl
        self.ip_id[n] = s.ip_id if s.family == 4 else -1
        if s.options_len:
            copy_octets(view, s.options_at, s.options_len, self.pool, self.pool_used)
            self.pool_used += s.options_len
        # Ctrl-C may come before it is followed.
        self.window[n] = self.duplicate_ack_num[n] = self.bytes_in_flight[n] = -1
        self.ack_rtt_ns[n] = self.initial_rtt_ns[n] = self.rto_ns[n] = self.seq[n] = self.ack[n] = -1
        self.count = n + 1
        return 0

    def complete(self, s, seq, ack):
        """What following a segment told, for its row."""
        n: cython.longlong = s.row
        self.window[n] = s.window
        self.analysis[n] = s.analysis
        self.duplicate_ack_num[n] = s.duplicate_ack_num
        self.bytes_in_flight[n] = s.bytes_in_flight
        self.ack_rtt_ns[n] = s.ack_rtt_ns
        self.initial_rtt_ns[n] = s.initial_rtt_ns
        self.rto_ns[n] = s.rto_ns
        self.seq[n] = seq
        self.ack[n] = ack
        return 0


def empty_arrays(rows):
    """The arrays of a chunk of so many rows, by name, and the pool of their options. What is never written takes no memory."""
    sizes = [(name, code, rows * OCTETS[code]) for name, code in SEGMENT_ARRAYS.items()]
    sizes.append(("options_pool", "B", rows * USUAL_OPTIONS))
    whole = memoryview(anonymous(sum([size for _, _, size in sizes])))
    arrays = {}
    at = 0
    for name, code, size in sizes:
        arrays[name] = whole[at : at + size].cast(code)
        at += size
    return arrays


def copy_octets(source, start, count, target, at):
    """Copy `count` octets, few of them; the caller knows that they are there."""
    if cython.compiled:
        memcpy(cython.address(target[at]), cython.address(source[start]), count)
    else:
        target[at : at + count] = source[start : start + count]
    return 0


def widen(values, first, count, out, at):
    """Copy `count` numbers of any array type, from the one at `first` on, to 64 bits at `at`."""
    n: cython.longlong
    if first + count > len(values) or at + count > len(out):
        raise IndexError("more numbers than there are")
    kind: str = values.format if isinstance(values, memoryview) else values.typecode
    if cython.compiled:
        if kind == "q":
            q: cython.const[cython.longlong][::1] = values
            for n in range(count):
                out[at + n] = q[first + n]
        elif kind == "i":
            i: cython.const[cython.int][::1] = values
            for n in range(count):
                out[at + n] = i[first + n]
        elif kind == "I":
            u: cython.const[cython.uint][::1] = values
            for n in range(count):
                out[at + n] = u[first + n]
        elif kind == "H":
            w: cython.const[cython.ushort][::1] = values
            for n in range(count):
                out[at + n] = w[first + n]
        elif kind == "h":
            h: cython.const[cython.short][::1] = values
            for n in range(count):
                out[at + n] = h[first + n]
        elif kind == "B":
            b: cython.const[cython.uchar][::1] = values
            for n in range(count):
                out[at + n] = b[first + n]
        else:
            raise TypeError(f"no array of {kind}")
    else:
        for n in range(count):
            out[at + n] = values[first + n]
    return 0
