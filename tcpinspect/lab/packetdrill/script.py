"""What a script says, as values: moments, segments, calls. Wing lab."""

from __future__ import annotations

from dataclasses import dataclass, field

from tcpinspect.lab.draft import Draft

SECOND = 1_000_000_000
# Times of a script are microseconds, and a machine with other work to do is late: so much is forgiven unless the script says.
TOLERANCE_NS = 20_000_000
# Documentation addresses (RFC 5737, RFC 3849), and the port that packetdrill's own scripts mean where they say nothing.
LOCAL = {4: "192.0.2.1", 6: "2001:db8:1::1"}
REMOTE = {4: "198.51.100.7", 6: "2001:db8:2::7"}
PORT = 8080
PEER_PORT = 49152  # RFC 6335 §6: the first port that nobody is assigned


@dataclass(frozen=True, slots=True)
class When:
    """When something happens, in ns: since the script's start or, `relative`, since the event before.

    `last_ns` is the end of a range a~b, else `first_ns`. `returns_ns` is the B of A...B: the call begins at A, waits, and
    returns at B. `anytime` is the star: whenever it comes.
    """

    first_ns: int
    last_ns: int
    relative: bool = False
    returns_ns: int | None = None
    anytime: bool = False


@dataclass(frozen=True, slots=True)
class SegmentEvent:
    """A segment: `injected` towards the side under test (`<`), or expected from it (`>`).

    Its numbers are relative, as the script has them. `ecn` are the marks that its IP packet may have, none where the script does
    not say.
    """

    line: int
    when: When
    text: str
    injected: bool
    draft: Draft
    ecn: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A call of the user under test. `result` None: whatever it returns; `error` is the errno's name where -1 is expected."""

    line: int
    when: When
    text: str
    name: str
    arguments: tuple[str, ...]
    result: int | None
    error: str | None = None


Event = SegmentEvent | CallEvent


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the options in front of a script set: addresses, ports, how late an event may be, the device's MTU."""

    ip_version: int = 4
    local_ip: str | None = None
    remote_ip: str | None = None
    bind_port: int = PORT
    connect_port: int = PORT
    tolerance_ns: int = TOLERANCE_NS
    mtu: int = 1500

    @property
    def local(self) -> str:
        """The address of the side under test."""
        return self.local_ip or LOCAL[self.ip_version]

    @property
    def remote(self) -> str:
        """The address of the other side, which the script plays."""
        return self.remote_ip or REMOTE[self.ip_version]


@dataclass(frozen=True, slots=True)
class Script:
    """A script that was understood. `left_out` says, a line each, what was passed over on request."""

    name: str
    events: tuple[Event, ...]
    surroundings: Surroundings = field(default_factory=Surroundings)
    left_out: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """The side under test opens actively: its first segment is a SYN that answers none."""
        segments = [event for event in self.events if isinstance(event, SegmentEvent)]
        if not segments:
            return any(isinstance(event, CallEvent) and event.name == "connect" for event in self.events)
        return not segments[0].injected

    def ports(self) -> tuple[int, int]:
        """The ports of the side under test and of the other one, as far as the script knows them before it is played."""
        around = self.surroundings
        return (PEER_PORT, around.connect_port) if self.active else (around.bind_port, PEER_PORT)
