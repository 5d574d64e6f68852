"""Attempts to connect that came to nothing, in crowds: a flood of SYNs to one port, a flood over many, a scan. Floor 3.

Reading: RFC 4987 §2 (floods, and why their source addresses are forged). What tells the three apart is who asked and where: one
client at many ports is a scan; many clients at one port are a flood there; many clients at many ports, each at few, are a flood
over all ports. So many hosts may scan together, too: the sentence says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tcpinspect.engine.classes import CROWD_SIZE
from tcpinspect.insight import reading

CROWD = CROWD_SIZE
FAILED = ("unanswered", "refused", "incomplete")
# A port with so many times as many attempts as the others have on average is flooded by itself.
_STANDS_OUT = 4
Made = tuple[str, int, str, str]  # id, count, sentence, what to look up for its first frame
Port = tuple[str, int]  # a server's address and port
Ends = tuple[str, str]  # a client's address and a server's


@dataclass(slots=True)
class Host:
    """What failed at one host, whatever the port: how many attempts of each kind, by how many clients, at which ports, and which of
    these a client tried first (a scan has but one of them). `scanners` are clients that tried a CROWD of ports, `scanned` how often
    they did."""

    kinds: Counter[str] = field(default_factory=Counter)
    clients: int = 0
    ports: set[int] = field(default_factory=set)
    first: set[int] = field(default_factory=set)
    scanners: int = 0
    scanned: int = 0

    @property
    def flooded(self) -> bool:
        """Whether many clients failed at many ports, each at few of them; or so many scanned that no scan is told of by itself."""
        return self._clients >= CROWD and len(self.first) >= CROWD and self.attempts >= CROWD

    @property
    def many_scanners(self) -> bool:
        return self.scanners >= CROWD

    @property
    def attempts(self) -> int:
        """All, but for those that are told as scans."""
        return self.kinds.total() - (0 if self.many_scanners else self.scanned)

    @property
    def _clients(self) -> int:
        return self.clients - (0 if self.many_scanners else self.scanners)


class Attempts(NamedTuple):
    """What is known of attempts that failed: how many stayed half open at each port, and of which kind; how many ports each client
    tried at each server; what failed at each host."""

    half_open: Mapping[Port, Counter[str]]
    tried: Mapping[Ends, int]
    hosts: Mapping[str, Host]


def of_rows(rows: Iterable[Any]) -> Attempts:
    """The attempts among rows of the table `connections`."""
    half_open: dict[Port, Counter[str]] = {}
    tried: dict[Ends, set[int]] = {}
    doors: dict[Ends, set[int]] = {}
    times: Counter[Ends] = Counter()
    hosts: dict[str, Host] = {}
    for c in rows:
        kind = reading.opening(c)
        if kind not in FAILED:
            continue
        ends = c.client, c.server
        if kind != "refused":
            half_open.setdefault((c.server, c.server_port), Counter())[kind] += 1
        if kind != "incomplete":
            tried.setdefault(ends, set()).add(c.server_port)
        host = hosts.setdefault(c.server, Host())
        host.kinds[kind] += 1
        host.ports.add(c.server_port)
        if ends not in doors:
            host.clients += 1
            host.first.add(c.server_port)
        doors.setdefault(ends, set()).add(c.server_port)
        times[ends] += 1
    for ends, ports in doors.items():
        note_scanner(hosts, ends, len(ports), times[ends])
    return Attempts(half_open, {ends: len(ports) for ends, ports in tried.items()}, hosts)


def note_scanner(hosts: Mapping[str, Host], ends: Ends, ports: int, times: int) -> None:
    """Count a client that tried so many ports, so often, where that is a scan."""
    host = hosts.get(ends[1])
    if host is not None and ports >= CROWD:
        host.scanners += 1
        host.scanned += times


def crowds_made(attempts: Attempts) -> list[Made]:
    """The findings there are: floods first, those of most attempts before others, then scans."""
    half_open, tried, hosts = attempts
    peaks: dict[str, list[int]] = {}
    floods: list[Made] = []
    spread = {server for server, host in hosts.items() if host.flooded}
    for (server, port), kinds in half_open.items():
        many = kinds.total()
        if many < CROWD or (server in spread and not _stands_out(many, hosts[server])):
            continue
        peaks.setdefault(server, []).append(many)
        floods.append(_at_port(server, port, kinds))
    spread = {server for server in spread if _rest(hosts[server], peaks.get(server, ())) is not None}
    floods += [_over_ports(server, hosts[server], peaks.get(server, ())) for server in spread]
    floods.sort(key=lambda made: (-made[1], made[2]))
    scans = [
        _scan(client, server, ports)
        for (client, server), ports in sorted(tried.items(), key=lambda item: (-item[1], item[0]))
        if ports >= CROWD and not (server in spread and hosts[server].many_scanners)
    ]
    return floods + scans


def _stands_out(many: int, host: Host) -> bool:
    return many * len(host.ports) >= _STANDS_OUT * host.kinds.total()


def _rest(host: Host, peaks: Iterable[int]) -> tuple[int, int] | None:
    """Attempts and ports without those that stand out; None where nothing of a flood is left."""
    told = list(peaks)
    attempts, ports = host.attempts - sum(told), len(host.ports) - len(told)
    return (attempts, ports) if attempts >= CROWD and ports >= CROWD else None


def _at_port(server: str, port: int, kinds: Counter[str]) -> Made:
    many = kinds.total()
    # A server that answered some of them is there.
    else_ = "" if kinds["incomplete"] else ", or a server that is gone"
    said = f"{many:,} connections to port {port} of {server} were begun and never opened: that is how a flood of SYNs looks{else_}."
    return "TI-FLOOD-01", many, said, ""


def _over_ports(server: str, host: Host, peaks: Iterable[int]) -> Made:
    attempts, ports = _rest(host, peaks) or (0, 0)
    # Where scans are told by themselves, nobody knows which ports only they tried.
    where = "many" if host.scanners and not host.many_scanners else f"{ports:,}"
    what = "refused or never opened" if host.kinds["refused"] else "begun and never opened"
    gone = "" if host.kinds["refused"] or host.kinds["incomplete"] else ", or a server that is gone"
    said = (
        f"{attempts:,} connections to {where} ports of {server} from many addresses were {what}: "
        f"that is how a flood of SYNs over all ports looks, or a scan by many hosts{gone}."
    )
    return "TI-FLOOD-02", attempts, said, ""


def _scan(client: str, server: str, ports: int) -> Made:
    said = f"{client} tried {ports:,} ports of {server} and was refused or not answered: that is how a port scan looks."
    return "TI-SCAN-01", ports, said, ""
