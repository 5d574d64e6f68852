"""ti.live: packets while they come, and an ordinary analysis afterwards. On the loopback, one port, real connections."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import UsageError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="packet sockets are Linux's")
Talk = Callable[[int], None]


@pytest.fixture
def port() -> Iterator[int]:
    """A listening port of the loopback; what connects is read and closed. Skips where capturing is not permitted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        try:
            ti.live("lo", duration_s=0.001).stop()
        except PermissionError as error:
            pytest.skip(str(error))

        def serve() -> None:
            try:
                while True:
                    with server.accept()[0] as accepted:
                        while accepted.recv(1000):
                            pass
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def talk(port: int, connections: int) -> None:
    for _ in range(connections):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"hello")


def test_packets_come_while_it_runs_and_an_analysis_afterwards(port: int) -> None:
    with ti.live("lo", f"tcp port {port}") as live:
        talk(port, 2)
        seen = 0
        for batch in live:
            assert [packet.frame for packet in batch] == list(range(seen + 1, seen + 1 + len(batch)))
            seen += len(batch)
            if seen >= 16:
                break
        assert len(live.analysis().connections) == 2, "also in the middle"
        talk(port, 3)
        time.sleep(0.1)  # the last connection's end may be on its way
    analysis = live.analysis()
    assert live.ending is not None and not live.ending.reached and live.ending.trouble is None
    assert [one.conn_state for one in analysis.connections] == ["SF"] * 5
    assert analysis.capture.packets == live.packets == live.counts.received
    assert analysis.capture.drops == 0
    assert sum(len(batch) for batch in live) == live.packets, "iteration begins at the first packet again"


def test_it_stops_by_count_time_and_condition(port: int, tmp_path: Path) -> None:
    live = ti.live("lo", f"tcp port {port}", count=5)
    talk(port, 2)
    assert live.wait(10) and live.packets == 5 and live.ending is not None and live.ending.reached
    started = time.monotonic()
    assert ti.live("lo", f"tcp port {port}", duration_s=0.3).wait(10)
    assert 0.3 <= time.monotonic() - started < 5
    path = tmp_path / "kept.pcapng"
    live = ti.live("lo", f"tcp port {port}", until=lambda batch: any(b"hello" in packet.octets for packet in batch), path=path)
    assert not live.wait(0.2)
    talk(port, 1)
    assert live.wait(10)
    assert ti.analyze(path).capture.packets == live.packets


def test_batches_feed_the_engine(port: int) -> None:
    from tcpinspect.engine.track import Tracker

    tracker = Tracker()
    with ti.live("lo", f"tcp port {port}", duration_s=1) as live:
        talk(port, 3)
        for batch in live:
            records = batch.records()
            while records.next_block():
                tracker.block(records, 0, records.count)
    assert tracker.frames == tracker.segments == live.packets >= 3 * 7


def test_the_ring_feeds_the_engine_without_a_file(port: int) -> None:
    from tcpinspect.capture.live.tap import Tap
    from tcpinspect.engine.track import Tracker

    tracker, tap = Tracker(), Tap("lo", f"tcp port {port}")
    talk(port, 4)
    time.sleep(0.1)  # the last connection's end may be on its way
    tap.stop()
    while not tap.drained:
        if tap.next_batch(0.1):
            tracker.block(tap.records, 0, tap.records.count)
    assert tracker.frames == tracker.segments == tap.counts().received >= 4 * 7
    tap.close()


def test_a_condition_that_fails_is_heard(port: int) -> None:
    live = ti.live("lo", f"tcp port {port}", until=lambda batch: 1 // 0 > 0)
    talk(port, 1)
    assert live.wait(10)
    with pytest.raises(ZeroDivisionError):
        list(live)


def test_a_wrong_call_raises_at_once() -> None:
    with pytest.raises(UsageError, match="no interface"):
        ti.live("nosuch0")
    with pytest.raises(UsageError, match="above 0"):
        ti.live("lo", count=0)
    with pytest.raises(UsageError, match=r"^an interface is named, .* not 5$"):
        ti.live(5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^a capture filter is text, .* not 80$"):
        ti.live("lo", 80)  # type: ignore[arg-type]


def test_transitions_come_while_it_runs_and_add_up_to_the_timeline(port: int) -> None:
    """In the middle of an ordinary function: no event loop, no callback."""
    steps: dict[tuple[int, str], list[tuple[str, str]]] = {}
    talker = threading.Thread(target=talk, args=(port, 3))
    with ti.live("lo", f"tcp port {port}", duration_s=10) as live:
        talker.start()
        for step in live.transitions():
            told = steps.setdefault((step.stream, step.side), [])
            if step.takes_back:
                del told[-step.takes_back :]
            told.append((step.from_state, step.to_state))
            if len(steps) == 6 and all(told[-1][1] in ("CLOSED", "TIME-WAIT") for told in steps.values()):
                break
        assert live.running, "a condition of the caller's own ends the loop, the with block the capture"
    talker.join()
    rows = live.analysis().table("timeline")
    assert steps == {
        key: [(row.from_state, row.to_state) for row in rows if (row.stream, row.side) == key] for key in sorted(steps)
    }  # fmt: skip


def test_connections_come_when_they_are_over_and_the_open_ones_at_the_end(port: int) -> None:
    with ti.live("lo", f"tcp port {port}", duration_s=2) as live:
        talk(port, 2)
        time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", port)):
            seen = [(row.stream, row.client_state, row.server_state) for row in live.connections()]
    assert seen == [(0, "TIME-WAIT", "CLOSED"), (1, "TIME-WAIT", "CLOSED"), (2, "ESTABLISHED", "ESTABLISHED")]
