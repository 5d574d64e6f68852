"""What is on its way: each stretch of sequence numbers sent and not acknowledged. Wing lab. Reading: RFC 2018 §5, RFC 6675 §2, §4.

Without SACK each duplicate acknowledgment stands for one segment that has left the network (RFC 5681 §3.2), which is what
`duplicates` counts; with SACK the blocks say which.
"""

from __future__ import annotations

from dataclasses import dataclass

from tcpinspect.protocol.seqnum import add, difference

DUP_THRESH = 3  # RFC 6675 §2, RFC 5681 §3.2


@dataclass(slots=True)
class Sent:
    """One stretch, as it was sent first; `last_ns` is the time of its latest copy."""

    seq: int
    length: int
    syn: bool
    fin: bool
    first_ns: int
    last_ns: int
    copies: int = 1
    sacked: bool = False
    lost: bool = False  # taken for lost, and not sent again since

    @property
    def end(self) -> int:
        return add(self.seq, self.length)


class Scoreboard:
    """The stretches in the order of their numbers; they join without holes from SND.UNA to SND.NXT."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def __bool__(self) -> bool:
        return bool(self.sent)

    @property
    def data(self) -> bool:
        """There is data on its way: a SYN alone is none."""
        return any(stretch.length > stretch.syn + stretch.fin for stretch in self.sent)

    def acknowledge(self, una: int) -> list[Sent]:
        """Remove what lies before `una`; returned are the stretches wholly acknowledged."""
        done = 0
        while done < len(self.sent) and difference(self.sent[done].end, una) <= 0:
            done += 1
        gone, self.sent = self.sent[:done], self.sent[done:]
        if self.sent and difference(una, self.sent[0].seq) > 0:
            first = self.sent[0]
            first.length -= difference(una, first.seq)
            first.seq, first.syn = una, False
        return gone

    def select(self, blocks: tuple[tuple[int, int], ...]) -> bool:
        """Mark what the SACK blocks cover; True where one of them says something new."""
        news = False
        for left, right in blocks:
            for stretch in self.sent:
                if not stretch.sacked and difference(stretch.seq, left) >= 0 and difference(stretch.end, right) <= 0:
                    stretch.sacked, stretch.lost, news = True, False, True
        return news

    def infer_losses(self) -> None:
        """RFC 6675 §4 IsLost: DupThresh stretches behind it have arrived; a copy sent again is not judged a second time."""
        above = 0
        for stretch in reversed(self.sent):
            if stretch.sacked:
                above += 1
            elif above >= DUP_THRESH and stretch.copies == 1:
                stretch.lost = True

    def lose_all(self) -> None:
        """After a timeout nothing is taken to be on its way (RFC 6675 §5.1; RFC 2018 §8: forget what was selected)."""
        for stretch in self.sent:
            stretch.sacked, stretch.lost = False, True

    def first_lost(self) -> Sent | None:
        return next((stretch for stretch in self.sent if stretch.lost), None)

    def pipe(self) -> int:
        """Octets thought to be in the network."""
        return sum(stretch.length for stretch in self.sent if not stretch.sacked and not stretch.lost)
