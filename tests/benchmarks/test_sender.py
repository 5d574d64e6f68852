"""What the measurements of capturing rest on: the sender sends what it says, each frame another, and no tool is told more than came."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source

if TYPE_CHECKING:
    from tests.namespace import Namespace

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="packet sockets are Linux's")
SENDER = Path(__file__).with_name("sender.py")


@pytest.mark.parametrize("kind", ["data", "flood", "everywhere"])
def test_every_frame_that_is_counted_came_and_is_another(namespace: Namespace, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "sent.pcapng"
    listener = namespace.listener("-i", "right", "-w", str(path))
    said = json.loads(namespace.run(sys.executable, str(SENDER), "left", "20000", "0.11", kind))
    assert namespace.ended(listener, signal.SIGINT)[0] == 0
    records, seen = Records(Source(str(path))), []
    while records.next_block():
        for number in range(records.count):
            at, captured, wire, _, _ = records.record(number)
            assert captured == wire == 74
            octets = bytes(records.view[at : at + captured])
            seen.append((octets[26:30], octets[34:36], octets[38:42]))
    assert said["sent"] == len(seen) == len(set(seen)) == 2200
    if kind == "data":
        assert [int.from_bytes(number, "big") for _, _, number in seen] == list(range(0, 2200 * 20, 20))
