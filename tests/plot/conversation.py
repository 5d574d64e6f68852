"""Connections made by hand for the tests of layout, drawing and text: what a model.Connection offers, nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN
from tcpinspect.schema import SEGMENTS

START = 1_700_000_000_000_000_000
MS = 1_000_000
_TYPES = {column.name: column.type for column in SEGMENTS}
_BLANK = {column.name: None if column.nullable else {"bool": False, "int": 0, "str": ""}[column.type] for column in SEGMENTS}


class Columns:
    """Rows as columns: int64 with -1 for unknown, flags bool."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, name: str) -> Any:
        import numpy as np

        values = [getattr(row, name) for row in self._rows]
        if _TYPES[name] == "bool":
            return np.array(values, dtype=bool)
        return np.array([-1 if value is None else value for value in values], dtype=np.int64)

    def rows(self, places: list[int]) -> list[Any]:
        return [self._rows[place] for place in places]

    def options(self, row: int) -> str:
        return str(self._rows[row].options)


class Conversation:
    """Say segments one after the other; `connection()` is then what the layout is given."""

    def __init__(self, client: str = "192.0.2.1:40000", server: str = "198.51.100.2:80") -> None:
        self.client, self.server = client, server
        self.segments: list[Any] = []
        self.timeline: list[Any] = []
        self.now = START

    def say(self, who: str, flags: int, seq: int, ack: int = 0, size: int = 0, *, after_ms: float = 1.0, **marks: Any) -> Conversation:
        """A segment of the client ("c") or the server ("s"), `after_ms` after the one before."""
        if self.segments:
            self.now += int(after_ms * MS)
        own, other = (1000, 5000) if who == "c" else (5000, 1000)
        row = {
            **_BLANK, "frame": len(self.segments) + 1, "time_ns": self.now, "from_client": who == "c", "tcp_flags": flags, "seq": seq,
            "ack": ack if flags & ACK else None, "seq_raw": own + seq, "ack_raw": other + ack if flags & ACK else 0, "payload_len": size,
            "window_raw": 64240, "window": 64240, "src": who, "dst": "sc"[who == "s"], "src_port": own, "dst_port": other, **marks,
        }  # fmt: skip
        self.segments.append(SimpleNamespace(**row))
        return self

    def step(self, who: str, to_state: str, event: str, *, frame: int | None = -1, evidence: str = "observed") -> Conversation:
        """A step of a side, by default at the segment said last."""
        side = "client" if who == "c" else "server"
        before = next((step.to_state for step in reversed(self.timeline) if step.side == side), "CLOSED")
        frame = len(self.segments) if frame == -1 else frame
        time_ns = None if frame is None else self.segments[frame - 1].time_ns
        self.timeline.append(
            SimpleNamespace(
                side=side, frame=frame, time_ns=time_ns, from_state=before, to_state=to_state, event=event, evidence=evidence, rfc="3.10"
            )
        )
        return self

    @property
    def arrays(self) -> Columns:
        """The segments as a model.Connection gives them to pictures of many."""
        return Columns(self.segments)

    def connection(self) -> Any:
        """The connection so far."""
        first = self.segments[0].time_ns if self.segments else START
        by_client = sum(segment.from_client for segment in self.segments)
        return SimpleNamespace(
            client=self.client, server=self.server, segments=self.segments, timeline=self.timeline, start_ns=first,
            duration_ns=self.now - first, initial_rtt_ns=2 * MS, stream=0, arrays=self.arrays, client_packets=by_client,
            server_packets=len(self.segments) - by_client,
        )  # fmt: skip

    def open(self) -> Conversation:
        """The three-way handshake of figure 6."""
        self.say("c", SYN, 0).step("c", "SYN-SENT", "OPEN-ACTIVE")
        self.step("s", "LISTEN", "OPEN-PASSIVE", frame=None, evidence="assumed").step("s", "SYN-RECEIVED", "RCV-SYN")
        self.say("s", SYN | ACK, 0, 1).step("c", "ESTABLISHED", "RCV-SYN-ACK")
        return self.say("c", ACK, 1, 1).step("s", "ESTABLISHED", "RCV-ACK-OF-SYN")

    def talk(self, count: int, *, size: int = 100) -> Conversation:
        """The server sends `count` segments of `size` octets, the client acknowledges each."""
        for n in range(count):
            self.say("s", PSH | ACK, 1 + n * size, 1, size).say("c", ACK, 1, 1 + (n + 1) * size)
        return self

    def close(self, sent: int = 0) -> Conversation:
        """The four segments of figure 12, the client first, after the server sent `sent` octets."""
        self.say("c", FIN | ACK, 1, 1 + sent).step("c", "FIN-WAIT-1", "CLOSE").step("s", "CLOSE-WAIT", "RCV-FIN")
        self.say("s", ACK, 1 + sent, 2).step("c", "FIN-WAIT-2", "RCV-ACK-OF-FIN")
        self.say("s", FIN | ACK, 1 + sent, 2).step("s", "LAST-ACK", "CLOSE").step("c", "TIME-WAIT", "RCV-FIN")
        return self.say("c", ACK, 2, 2 + sent).step("s", "CLOSED", "RCV-ACK-OF-FIN")


def usual(count: int = 2) -> Any:
    """Opened, talked over, closed: 7 + 2 * count segments."""
    return Conversation().open().talk(count).close(count * 100).connection()


def unanswered(count: int) -> Any:
    """A SYN and its repetitions, doubling the pause."""
    talk = Conversation().say("c", SYN, 0).step("c", "SYN-SENT", "OPEN-ACTIVE")
    for n in range(1, count):
        talk.say("c", SYN, 0, after_ms=1000 * 2 ** min(n, 5), retransmission=True)
    return talk.connection()


def refused() -> Any:
    """A SYN answered by a RST."""
    talk = Conversation().say("c", SYN, 0).step("c", "SYN-SENT", "OPEN-ACTIVE")
    return talk.say("s", RST | ACK, 0, 1).step("c", "CLOSED", "RCV-RST").connection()


def crossing_fins() -> Any:
    """The simultaneous close of figure 13."""
    talk = Conversation().open()
    talk.say("c", FIN | ACK, 1, 1).step("c", "FIN-WAIT-1", "CLOSE")
    talk.say("s", FIN | ACK, 1, 1, after_ms=0.5).step("s", "FIN-WAIT-1", "CLOSE")
    talk.step("s", "CLOSING", "RCV-FIN", frame=4).step("c", "CLOSING", "RCV-FIN")
    talk.say("c", ACK, 2, 2).step("s", "TIME-WAIT", "RCV-ACK-OF-FIN")
    return talk.say("s", ACK, 2, 2).step("c", "TIME-WAIT", "RCV-ACK-OF-FIN").connection()
