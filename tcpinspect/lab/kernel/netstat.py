"""The kernel's own counts, and `ss` beside them: who else counts what we count. Wing lab. Reading: proc(5), ss(8), RFC 4987 §3.6."""

from __future__ import annotations

import shutil

from tcpinspect.lab import inside
from tcpinspect.lab.namespaces import Namespace
from tcpinspect.protocol.rfc9293 import State

# RFC 9293's names as ss(8) spells them in a filter.
_SS_NAMES = {
    State.SYN_SENT: "syn-sent", State.SYN_RECEIVED: "syn-recv", State.ESTABLISHED: "established", State.FIN_WAIT_1: "fin-wait-1",
    State.FIN_WAIT_2: "fin-wait-2", State.CLOSE_WAIT: "close-wait", State.CLOSING: "closing", State.LAST_ACK: "last-ack",
    State.TIME_WAIT: "time-wait", State.LISTEN: "listening",
}  # fmt: skip


def counter(namespace: Namespace, group: str, name: str) -> int | None:
    """One of the kernel's counters since the namespace began: "Tcp" and "RetransSegs" (RFC 4022), "TcpExt" and "TCPLossProbes" (its
    own). None where it does not count that."""
    names: list[str] = []
    for line in namespace.call(inside.read_text, f"/proc/net/{'netstat' if group.endswith('Ext') else 'snmp'}").splitlines():
        words = line.split()
        if names and words[0] == names[0] == f"{group}:" and name in names:
            return int(words[names.index(name)])
        names = words
    return None


def cookies_sent(namespace: Namespace) -> int:
    """How many SYN-ACKs with a SYN cookie this kernel has sent; 0 where it does not count them."""
    return counter(namespace, "TcpExt", "SyncookiesSent") or 0


def counted_by_ss(namespace: Namespace, state: State, port: int) -> int | None:
    """How many connections of a local port are in the state, says ss(8), run inside; None where it is not installed."""
    program = shutil.which("ss") or shutil.which("ss", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None or state not in _SS_NAMES:
        return None
    done = namespace.run([program, "-H", "-t", "-n", "-a", "state", _SS_NAMES[state], f"sport = :{port}"])
    return len(done.stdout.splitlines()) if done.returncode == 0 else None
