"""Write a captured connection as a script, so that a capture becomes a test. Wing lab.

    written = write(analysis.connections[0], side="server")
    written.text           the script; its head says what it cannot express
    written.complete       every segment is in it as captured: flags, numbers, length, options

The side under test is expected (`>`), the other one injected (`<`). Sequence numbers count from both sides' initial ones. What is
expected has no window unless it is zero: which one a kernel announces is its own affair. Data is filler of the same length; times
are microseconds. Calls are deduced (`deduced`): no capture shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tcpinspect.errors import UsageError
from tcpinspect.lab.draft import MODULUS, Draft, DraftOption
from tcpinspect.lab.notation import notation, parse
from tcpinspect.lab.packetdrill.deduced import Deduced
from tcpinspect.lab.packetdrill.script import TOLERANCE_NS
from tcpinspect.model.table import printable
from tcpinspect.protocol.header import ACK, RST, SYN

if TYPE_CHECKING:
    from tcpinspect.model.connection import Connection

SideName = Literal["client", "server"]
_MOST_DOUBTS = 20


class Written(NamedTuple):
    """A script and what is wanting in it. `lost` says which of the capture a script cannot hold (empty: nothing of the segments is
    lost), `doubts` what of the calls is a guess, `copies` which segments the network sent twice, and here the sender does: a state
    may then be told by the other one."""

    text: str
    lost: tuple[str, ...]
    doubts: tuple[str, ...]
    copies: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Every segment is in it, with flags, relative numbers, length and options."""
        return not self.lost


def write(connection: Connection, *, side: SideName = "server", source: str = "") -> Written:
    """The connection as a script that tests this side of it; `source` names the capture in its head.

    Raises UsageError for a connection without segments.
    """
    rows = list(connection.segments)
    if not rows:
        raise UsageError(f"stream {connection.stream} has no segments to write: it was analysed without them")
    return _Writer(connection, rows, side).written(source)


class _Writer:
    def __init__(self, connection: Connection, rows: Sequence[Any], side: SideName) -> None:
        self.connection, self.rows, self.side = connection, rows, side
        self.own = side == "client"
        self.isn = {True: _base(rows, True), False: _base(rows, False)}
        own = connection.client if self.own else connection.server
        self.calls = Deduced(
            rows, from_client=self.own, isn=self.isn[self.own], peer_isn=self.isn[not self.own], reads_late=own.zero_windows > 0
        )
        self.lost: list[str] = []
        self.copies: list[str] = []
        self._packets: dict[tuple[Any, ...], int] = {}

    def written(self, source: str) -> Written:
        self._check_whole()
        body = list(self._body())
        head = list(self._head(source))
        return Written("\n".join([*head, *body, ""]), tuple(self.lost), tuple(self.calls.doubts), tuple(self.copies))

    def _check_whole(self) -> None:
        one = self.connection
        if (one.client.address, one.client.port) == (one.server.address, one.server.port):
            self.lost.append("both sides are the same socket: who sent a segment also receives it")
        if not any(row.tcp_flags & SYN for row in self.rows):
            self.lost.append("the capture begins in the middle: no test can begin there, and the numbers count from the first seen")
        if any(later.time_ns < row.time_ns for row, later in zip(self.rows, self.rows[1:], strict=False)):
            self.lost.append("times run back in the capture: such segments follow at once")

    def _head(self, source: str) -> Iterator[str]:
        one = self.connection
        yield f"// {printable(str(one))}: the {self.side} is tested, the script plays the other side."
        yield f"// Written by tcpinspect from stream {one.stream}{f' of {printable(source)}' if source else ''}."
        yield "// Numbers count from the initial ones, data is filler of the same length, windows are expected only where they are zero."
        yield f"// Segments: {'complete' if not self.lost else 'incomplete:'}"
        yield from _listed(self.lost)
        if self.copies:
            yield "// Copies:"
            yield from _listed(self.copies)
        yield f"// Calls: deduced from the segments{':' if self.calls.doubts else ''}"
        yield from _listed(self.calls.doubts)
        yield f"--ip_version=ipv{6 if ':' in one.client.address else 4}"
        yield f"--{'connect' if self.own else 'bind'}_port={one.server.port or 1}"
        # The tap may have been a round trip away from the side under test.
        yield f"--tolerance_usecs={max(TOLERANCE_NS, 2 * (one.row.initial_rtt_ns or 0)) // 1000}"
        yield ""

    def _body(self) -> Iterator[str]:
        for n, call in enumerate(self.calls.first()):
            yield f"{'+0' if n else '0':10} {call}"
        previous = self.rows[0].time_ns // 1000
        for place, row in enumerate(self.rows):
            gap = max(row.time_ns // 1000 - previous, 0)
            previous = max(previous, row.time_ns // 1000)
            for call in self.calls.before(place):
                yield f"{_time(gap)} {call}"
                gap = 0
            yield f"{_time(gap)} {self._segment(row)}"
            for call in self.calls.after(place):
                yield f"{'+0':10} {call}"

    def _segment(self, row: Any) -> str:
        injected = row.from_client != self.own
        draft = Draft(
            flags=row.tcp_flags,
            seq=row.seq_raw,
            ack=row.ack_raw if row.tcp_flags & ACK else None,
            window=row.window_raw if injected or row.window_raw == 0 else None,
            urgent_pointer=row.urgent_pointer,
            options=self._options(row),
        )
        draft = draft.shifted(-self.isn[row.from_client], -self.isn[not row.from_client])
        self._note(row)
        head, _, tail = notation(draft, extras=False).partition("(0)")
        # The length without its octets: b of a:b is what lies behind them.
        flags, _, numbers = head.partition(" ")
        seq = int(numbers.partition(":")[0])
        return f"{'<' if injected else '>'} {flags} {seq}:{(seq + row.payload_len) % MODULUS}({row.payload_len}){tail}"

    def _options(self, row: Any) -> tuple[DraftOption, ...]:
        if not row.options or row.options_malformed:
            return ()
        try:
            return parse(f". <{row.options}>").options or ()
        except UsageError:
            self.lost.append(f"frame {row.frame}: its options cannot be written: {printable(row.options)[:60]}")
            return ()

    def _note(self, row: Any) -> None:
        """Write down what of the segment no script can say."""
        if row.options_malformed:
            self.lost.append(f"frame {row.frame}: its options have an impossible length and are left out")
        if row.reserved:
            self.lost.append(f"frame {row.frame}: its reserved bits are {row.reserved:03b}, which the notation cannot say")
        if row.checksum_status == "bad":
            self.lost.append(f"frame {row.frame}: its checksum is wrong; here it is right, and the segment counts")
        packet = (row.from_client, row.ip_id, row.tcp_flags, row.seq_raw, row.ack_raw, row.payload_len, row.ts_val)
        first = self._packets.setdefault(packet, row.frame)
        if row.ip_id and first != row.frame:
            # RFC 6864 §4: what a host sends again is another datagram.
            self.copies.append(f"frame {row.frame}: a copy of frame {first} made on the way; here its sender sends it again")
        if row.payload_len > 65535:
            self.lost.append(f"frame {row.frame}: {row.payload_len} octets are more than a packet holds")


def _listed(texts: Sequence[str]) -> Iterator[str]:
    for text in texts[:_MOST_DOUBTS]:
        yield f"//   {printable(text)}"
    if len(texts) > _MOST_DOUBTS:
        yield f"//   and {len(texts) - _MOST_DOUBTS} more"


def _base(rows: Sequence[Any], from_client: bool) -> int:
    """The number that counts as 0 on this side: the engine's, from its own segments or from what the other side acknowledges."""
    own = next((row for row in rows if row.from_client == from_client), None)
    if own is not None and own.tcp_flags & RST and own.seq_raw == 0:
        return 0  # "the reset uses sequence number zero" where no connection exists (RFC 9293 §3.5.2)
    for row in rows:
        if row.from_client == from_client and row.seq is not None:
            return int((row.seq_raw - row.seq) % MODULUS)
    for row in rows:
        if row.from_client != from_client and row.ack is not None:
            return int((row.ack_raw - row.ack) % MODULUS)
    return 0


def _time(gap: int) -> str:
    return f"{f'+{gap // 10**6}.{gap % 10**6:06}' if gap else '+0':10}"
