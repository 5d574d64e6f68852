"""Two hosts of one's own, joined by a cable: two real kernels, without root, for lessons and notebooks. Wing lab.

    with TwoHosts(delay_ms=10) as hosts:
        client, server = hosts.connect(port=80)      # sockets; every call goes to a kernel and returns what it returned
        client.send(b"hello")
        hosts.run()                                  # let the packets travel until nobody has anything more to say
        server.recv().result                         # b"hello"
        client.close()
        hosts.run()
    hosts.analysis().connections[0].timeline         # what the capture tells ...
    hosts.true_states("client")                      # ... and what the kernel really did

Time is real. The packets cross in this process, where rules (`lab.rules`) lose and delay them and a tap captures them.
Reading: RFC 9293 §3.9.1 (the calls).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from tcpinspect.errors import LabError
from tcpinspect.lab.kernel.calls import KernelSocket
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.rules import rule
from tcpinspect.lab.wire import TapPosition, Wire

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis

# RFC 5737: addresses for documentation.
CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
_MS = 1_000_000
# Longer than a delayed acknowledgment of Linux (40 ms): nothing for so long, and nothing is under way.
_QUIET_MS = 100


class TwoHosts:
    """A client's and a server's kernel with a cable of `delay_ms` one way between them. A context manager.

    `rules` are sentences such as "lose the second data from A": A is the client, B the server. `sysctls` are set in both
    kernels. `tap` says where the capture is taken: at A, in the middle, at B. Raises LabError where this system grants no
    private networks (`lab.usable()` says so before), UsageError for a rule that says nothing.
    """

    def __init__(
        self,
        *,
        delay_ms: float = 10,
        rules: Sequence[str] = (),
        tap: TapPosition = "middle",
        sysctls: Mapping[str, int | str] | None = None,
    ) -> None:
        treatments = [rule(text) for text in rules]
        self.client = KernelEnd(CLIENT, sysctls=sysctls)
        try:
            self.server = KernelEnd(SERVER, sysctls=sysctls)
        except BaseException:
            self.client.close()
            raise
        self.wire = Wire(self.client, self.server, delay_ns=round(delay_ms * _MS), treatments=treatments, tap=tap)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove both hosts; what was captured stays."""
        self.client.close()
        self.server.close()

    def listen(self, port: int = 80, *, backlog: int = 16) -> KernelSocket:
        """A socket of the server that waits for connections."""
        listening = self.server.socket()
        listening.bind(SERVER, port)
        listening.listen(backlog)
        return listening

    def connect(self, port: int = 80) -> tuple[KernelSocket, KernelSocket]:
        """Open a connection: the client's socket and the server's. Raises LabError where the handshake does not come to an end."""
        listening = self.listen(port)
        client = self.client.socket()
        client.connect(SERVER, port)
        self.run()
        accepted = listening.accept()
        if not accepted.ok:
            raise LabError(f"the handshake did not come to an end ({accepted.error}): run() longer, or look at the capture")
        return client, accepted.result

    def run(self, *, quiet_ms: float = _QUIET_MS, most_ms: float = 20_000) -> None:
        """Let things happen until nobody has said anything for `quiet_ms`, for at most `most_ms`."""
        self.wire.run(round(most_ms * _MS), quiet_ns=round(quiet_ms * _MS))

    def analysis(self) -> Analysis:
        """What the engine makes of the capture until now."""
        return self.wire.analysis()

    def true_states(self, side: Literal["client", "server"]) -> list[str]:
        """The states that this host's kernel went through, one line a step, from the kernel itself."""
        return [str(step.to_state) for step in (self.client if side == "client" else self.server).steps]
