"""Crafted segments: tshark reads back what was asked for, for every field and option, allowed or forbidden."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tcpinspect as ti
from tcpinspect.errors import UsageError
from tcpinspect.lab.crafting import Exchange, craft, exchange
from tcpinspect.lab.draft import RAW, Draft, DraftOption
from tcpinspect.lab.sending import in_private_namespace

pytest.importorskip("scapy")
V4 = {"src": "192.0.2.1", "dst": "192.0.2.2"}
V6 = {"src": "2001:db8::1", "dst": "2001:db8::2"}

# The segment, and tshark's fields with the values they must have.
CASES: list[tuple[str, dict[str, object], dict[str, str]]] = [
    ("ports and numbers", {"src_port": 1, "dst_port": 65535, "seq": 2**32 - 1, "ack": 2**31, "flags": "."},
     {"tcp.srcport": "1", "tcp.dstport": "65535", "tcp.seq_raw": "4294967295", "tcp.ack_raw": "2147483648"}),
    ("ports 0", {"src_port": 0, "dst_port": 0, "flags": "S"}, {"tcp.srcport": "0", "tcp.dstport": "0"}),
    ("an acknowledgment number without ACK", {"flags": "S", "ack": 77}, {"tcp.ack_raw": "77", "tcp.flags.ack": "0"}),
    ("all nine flags", {"flags": "SFRPUEWA."}, {"tcp.flags": "0x01ff"}),
    ("no flag", {"flags": "-"}, {"tcp.flags": "0x0000"}),
    ("SYN and FIN", {"flags": "SF"}, {"tcp.flags": "0x0003"}),
    ("reserved bits", {"flags": "S", "reserved": 7}, {"tcp.flags": "0x0e02", "tcp.flags.res": "1"}),
    ("reserved bits and AE", {"flags": "SA", "reserved": 5}, {"tcp.flags": "0x0b02", "tcp.flags.ae": "1"}),
    ("window 0", {"flags": ".", "window": 0}, {"tcp.window_size_value": "0"}),
    ("window", {"flags": ".", "window": 65535}, {"tcp.window_size_value": "65535"}),
    ("a bad checksum", {"flags": "S", "checksum": 0xBEEF}, {"tcp.checksum": "0xbeef", "tcp.checksum.status": "0"}),
    ("the right checksum", {"flags": "S"}, {"tcp.checksum.status": "1"}),
    ("the right checksum with data of an odd length", {"flags": "P.", "payload": b"abc"}, {"tcp.checksum.status": "1", "tcp.len": "3"}),
    ("an urgent pointer", {"flags": "U.", "urgent_pointer": 9, "payload": b"0123456789"}, {"tcp.urgent_pointer": "9"}),
    ("an urgent pointer without URG", {"flags": ".", "urgent_pointer": 9}, {"tcp.urgent_pointer": "9", "tcp.flags.urg": "0"}),
    ("data offset 3", {"flags": "S", "data_offset": 3}, {"tcp.hdr_len": "12"}),
    ("data offset 15 without options", {"flags": ".", "data_offset": 15, "payload": bytes(40)}, {"tcp.hdr_len": "60", "tcp.len": "0"}),
    ("data", {"flags": "P.", "payload": b"GET /"}, {"tcp.payload": "474554202f", "tcp.len": "5"}),
    ("the usual options", {"flags": "S", "mss": 1460, "wscale": 7, "sack_permitted": True, "timestamps": (1, 2)},
     {"tcp.options.mss_val": "1460", "tcp.options.wscale.shift": "7", "tcp.options.timestamp.tsval": "1",
      "tcp.options.timestamp.tsecr": "2", "tcp.options.sack_perm": "04:02", "tcp.hdr_len": "40"}),
    ("MSS 0", {"flags": "S", "mss": 0}, {"tcp.options.mss_val": "0"}),
    ("window shift 255", {"flags": "S", "wscale": 255}, {"tcp.options.wscale.shift": "255"}),
    ("SACK blocks", {"flags": ".", "sack": [(100, 200), (300, 2**32 - 1)]},
     {"tcp.options.sack_le": "100,300", "tcp.options.sack_re": "200,4294967295"}),
    ("a Fast Open cookie", {"flags": "S", "fast_open": b"12345678"}, {"tcp.options.tfo.cookie": "31:32:33:34:35:36:37:38"}),
    ("user timeout", {"flags": ".", "options": [DraftOption(28, b"\x80\x3c")]},
     {"tcp.options.user_to_granularity": "1", "tcp.options.user_to_val": "60"}),
    ("MD5", {"flags": ".", "options": [DraftOption(19, bytes(range(16)))]},
     {"tcp.options.md5.digest": "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f"}),
    ("an unknown option", {"flags": ".", "options": [DraftOption(200, b"xy")]}, {"tcp.options": "c8:04:78:79"}),
    ("overlapping options", {"flags": "S", "options": [DraftOption(2, b"\x05\xb4", 9), DraftOption(3, b"\x07")]},
     {"tcp.options": "02:09:05:b4:03:03:07:00", "tcp.hdr_len": "28"}),
    ("an option of length 0", {"flags": "S", "options": [DraftOption(2, b"\x05\xb4", 0)]}, {"tcp.options": "02:00:05:b4"}),
    ("octets that are no option", {"flags": "S", "options": [DraftOption(RAW, b"\x01\x01\x01\x02")]}, {"tcp.options": "01:01:01:02"}),
    ("forty octets of options", {"flags": "S", "options": [DraftOption(1)] * 40}, {"tcp.hdr_len": "60"}),
]  # fmt: skip
NAMES = [f"{name}, {family}" for name, _, _ in CASES for family in ("IPv4", "IPv6")]


@pytest.fixture(scope="module")
def read_back(tmp_path_factory: pytest.TempPathFactory, tshark: Callable[..., object]) -> dict[str, dict[str, str]]:
    """All cases in one capture, IPv4 and IPv6, through tshark once; several values of a field are joined by commas."""
    path = tmp_path_factory.mktemp("crafted") / "all.pcap"
    Exchange([craft(**fields, **way) for _, fields, _ in CASES for way in (V4, V6)]).write(path)  # type: ignore[arg-type]
    names = sorted({name for _, _, wanted in CASES for name in wanted})
    command = ["tshark", "-r", str(path), "-n", "-T", "fields", "-E", "separator=|", "-o", "tcp.check_checksum:TRUE"]
    command += ["-o", "tcp.relative_sequence_numbers:FALSE"]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [dict(zip(names, line.split("|"), strict=True)) for line in done.stdout.splitlines()]
    return dict(zip(NAMES, rows, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_tshark_reads_what_was_asked_for(name: str, read_back: dict[str, dict[str, str]]) -> None:
    wanted = next(wanted for case, _, wanted in CASES if name.rpartition(", ")[0] == case)
    row = read_back[name]

    def plain(text: str) -> str:
        return text.replace(":", "").lower()

    assert {field: plain(row[field]) for field in wanted} == {field: plain(value) for field, value in wanted.items()}


options = st.lists(
    st.builds(DraftOption, st.sampled_from([0, 1, 2, 3, 4, 5, 6, 8, 19, 28, 29, 34, 77, 253, 254, RAW]), st.binary(max_size=9),
              st.none() | st.integers(0, 255)),
    max_size=3,
)  # fmt: skip


def fields(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


@settings(max_examples=150, deadline=None)
@given(st.builds(
    Draft, src_port=fields(16), dst_port=fields(16), seq=fields(32), ack=fields(32), data_offset=st.none() | fields(4),
    reserved=fields(3), flags=fields(9), window=fields(16), checksum=st.none() | fields(16), urgent_pointer=fields(16),
    options=options.map(tuple), payload=st.binary(max_size=30),
), st.sampled_from([V4, V6]))  # fmt: skip
def test_scapy_and_we_make_the_same_octets(draft: Draft, way: dict[str, str]) -> None:
    one = craft(draft, **way)
    assert one.segment == draft.to_bytes(way["src"], way["dst"])
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.packet import Raw

    assert bytes(eval(one.scapy, {"IP": IP, "IPv6": IPv6, "TCP": TCP, "Raw": Raw})) == one.bytes


def test_names_are_the_same_number_in_all_segments() -> None:
    made = exchange("S seq=x", "< S. seq=y ack=x+1", "> . seq=x+1 ack=y+1", **V4)
    x, y = made[0].draft.seq, made[1].draft.seq
    assert (made[1].draft.ack, made[2].draft.seq, made[2].draft.ack) == (x + 1, x + 1, y + 1)
    assert (made[1].src, made[1].draft.src_port, made[1].draft.dst_port) == (V4["dst"], 80, 49152)
    assert exchange("S seq=x", names={"x": 5})[0].draft.seq == 5


def test_an_exchange_is_understood_by_the_engine(tmp_path: Path) -> None:
    made = exchange("S seq=x", "< S. seq=y ack=x+1", ". seq=x+1 ack=y+1", "F. seq=x+1 ack=y+1", "< F. seq=y+1 ack=x+2",
                    ". seq=x+2 ack=y+2", **V4)  # fmt: skip
    connection = made.analysis().connections[0]
    assert (connection.handshake, connection.teardown) == ("three-way", "three-segment")
    made.write(tmp_path / "a.pcapng")
    made.write(tmp_path / "b.pcapng")
    assert (tmp_path / "a.pcapng").read_bytes() == (tmp_path / "b.pcapng").read_bytes()
    assert "S. " in str(ti.analyze(tmp_path / "a.pcapng").capture.comments)


def test_text_and_names_of_fields_go_together() -> None:
    one = ti.lab.craft("S seq=1 <mss 1460>", window=7, wscale=3)
    assert one.draft == replace(craft("S seq=1 <mss 1460,wscale 3>").draft, window=7)
    assert one.bytes == one.bytes and one == ti.lab.craft("S seq=1 win=7 <mss 1460,wscale 3>")


def test_a_notebook_gets_a_picture_and_a_console_the_drawing() -> None:
    pytest.importorskip("matplotlib")
    shown = craft("S seq=1")._repr_mimebundle_()
    assert shown["text/plain"].endswith(craft("S seq=1").draw())
    assert shown["image/svg+xml"].startswith("<svg") and "Sequence Number" in shown["image/svg+xml"]


@pytest.mark.parametrize(("call", "what"), [
    ({"sequence": 1}, "no field sequence"), ({"window": 65536}, "16 bits"), ({"mss": 70000}, "does not fit the option"),
    ({"src": "192.0.2.1", "dst": "::1"}, "not of one family"), ({"dst": "example"}, "no IP address"), ({"ttl": 256}, "8 bits"),
    ({"seq": "x"}, "does not fit its 32 bits"), ({"payload": bytes(65496)}, "65535 at most"),
])  # fmt: skip
def test_wrong_calls_are_explained(call: dict[str, object], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        craft("S", **call)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"a segment is written, .* not None$"):
        craft(None)  # type: ignore[arg-type]


@pytest.mark.skipif(in_private_namespace(), reason="a network namespace of its own: nothing is external here")
def test_other_addresses_need_permission() -> None:
    with pytest.raises(UsageError, match=r"192\.0\.2\.2 would leave this machine"):
        craft("S", dst="192.0.2.2").send()


def test_what_leaves_the_machine_is_announced_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from tcpinspect.lab import sending

    said: list[str] = []

    def refuse(segments: object, iface: object) -> int:
        said.append("sent")
        raise PermissionError

    monkeypatch.setattr(sending, "in_private_namespace", lambda: False)
    monkeypatch.setattr(sending, "_send", refuse)  # nothing must really leave from a test
    with pytest.raises(UsageError, match="CAP_NET_RAW"):
        craft("S seq=7", dst="192.0.2.2").send(allow_external=True, iface="eth7", announce=said.append)
    assert said[0].startswith("sending 1 crafted packet to 192.0.2.2 through eth7: ") and "S 7:7(0)" in said[0]
    assert said[1:] == ["sent"]


def test_any_options_cannot_be_crafted() -> None:
    with pytest.raises(UsageError, match="only be expected"):
        craft("S <...>")
