"""engine.pairs: streams are numbered as a dictionary of unordered pairs of ends would number them."""

from __future__ import annotations

import random
import struct
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from tcpinspect.engine import segment
from tcpinspect.engine.run import run

HOSTS4 = [bytes([n, 0, 0, 1]) for n in (1, 2, 127, 128, 255)] + [bytes([1, 0, 0, n]) for n in (2, 3)]
HOSTS6 = [bytes([*first, *bytes(13), last]) for first in ((0x20, 1), (0x7F, 0), (0x80, 0), (0xFF, 0xFF)) for last in (1, 2)] + [bytes(16)]
PORTS = (0, 1, 80, 0x7FFF, 0x8000, 0xFFFF)
End = tuple[bytes, int]


def frame(source: End, target: End) -> bytes:
    tcp = struct.pack(">HHIIHHHH", source[1], target[1], 1, 1, 0x5010, 512, 0, 0)
    if len(source[0]) == 4:
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40, 7, 0, 64, 6, 0) + source[0] + target[0]
        return bytes(12) + b"\x08\0" + ip + tcp
    return bytes(12) + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, 20, 6, 64) + source[0] + target[0] + tcp


def any_pairs(count: int) -> list[tuple[End, End]]:
    """Few hosts and ports, so that ends agree in all but one thing; some talk to themselves, some go on in either direction."""
    chosen = random.Random(7)
    drawn = []
    for _ in range(count):
        hosts = HOSTS4 if chosen.random() < 0.5 else HOSTS6
        pair = (chosen.choice(hosts), chosen.choice(PORTS)), (chosen.choice(hosts), chosen.choice(PORTS))
        drawn += [pair, *chosen.choices((pair, pair[::-1]), k=chosen.randrange(3))]
    return drawn


def numbered(pairs: list[tuple[End, End]]) -> list[tuple[int, int]]:
    """The stream of each, and the side that sends it: by a dictionary."""
    streams: dict[frozenset[End], tuple[int, End]] = {}
    return [
        (number, int(source != first))
        for source, target in pairs
        for number, first in [streams.setdefault(frozenset((source, target)), (len(streams), source))]
    ]


def test_streams_are_those_of_a_dictionary(tmp_path: Path) -> None:
    pairs = any_pairs(6000)
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    for source, target in pairs:
        packet = frame(source, target)
        out += struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet
    path = tmp_path / "pairs.pcap"
    path.write_bytes(out)
    chunks = run(str(path)).segment_chunks
    found = [(int(rows["stream"][n]), int(rows["side"][n])) for count, rows in chunks for n in range(count)]
    expected = numbered(pairs)
    assert len({stream for stream, _ in expected}) > 1024
    assert found == expected


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """engine.pairs as it runs without a compiler, whose hashes can be replaced."""
    assert segment.__file__
    loader = SourceFileLoader("pairs_uncompiled", str(Path(segment.__file__).with_name("pairs.py")))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, loader.name, module)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("host", [lambda *_: 1 << 45, lambda hi, lo, *_: 1 << 45 | lo])
@pytest.mark.parametrize("pair", [lambda *_: 5, lambda first, second, *_: (first ^ second) & 0x7FFFFFFF])
def test_hashes_that_collide_mix_nobody_up(uncompiled: ModuleType, monkeypatch: pytest.MonkeyPatch, host: object, pair: object) -> None:
    monkeypatch.setattr(uncompiled, "host_hash", host)
    monkeypatch.setattr(uncompiled, "pair_hash", pair)
    pairs, table, found = any_pairs(400), uncompiled.Pairs(), []
    for source, target in pairs:
        s = segment.Segment()
        s.family = 4 if len(source[0]) == 4 else 6
        s.src_hi, s.src_lo, s.src_port = *struct.unpack(">qq", source[0].rjust(16, b"\0")), source[1]
        s.dst_hi, s.dst_lo, s.dst_port = *struct.unpack(">qq", target[0].rjust(16, b"\0")), target[1]
        stream = table.find(s)
        found.append((table.add(s, stream) if stream < 0 else stream, s.side))
    assert found == numbered(pairs)
