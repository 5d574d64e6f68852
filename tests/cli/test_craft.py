"""craft, decode, plot header and plot layers on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.insight.dissect import frame_of
from tcpinspect.lab.sending import in_private_namespace

from .conftest import HALF_CLOSE, MANY, Command, assert_refused

SYN = "S seq=1000 win=65535 <mss 1460,wscale 7,sackOK,TS 1 0>"


def test_craft_draws_by_default(command: Command) -> None:
    end = command("craft", SYN, "--dst", "127.0.0.2")
    assert end.code == 0 and end.err == ""
    assert end.text.startswith("127.0.0.1 > 127.0.0.2: S 1000:1000(0) win 65535 <mss 1460,wscale 7,sackOK,TS val 1 ecr 0>")
    assert "|                     Sequence Number 1000                      |" in end.text


def test_craft_writes_what_the_engine_reads(command: Command, tmp_path: Path) -> None:
    out = str(tmp_path / "handshake.pcap")
    end = command("craft", "S seq=x", "< S. seq=y ack=x+1", ". seq=x+1 ack=y+1", "--ipv6", "--set", "x=7", "--dport", "8080", "-o", out)
    assert (end.code, end.out) == (0, b"")
    connection = ti.analyze(out).connections[0]
    assert connection.handshake == "three-way" and str(connection.server) == "[::1]:8080"
    assert next(iter(ti.analyze(out).table("segments"))).seq_raw == 7


def test_craft_to_a_pipe(command: Command) -> None:
    assert ti.analyze(command("craft", "S", "-o", "-").out).capture.packets == 1


def test_craft_hex_and_scapy(command: Command) -> None:
    end = command("craft", "SF seq=1 checksum=0 data_offset=3", "--hex", "--scapy")
    assert "Data Offset 3, Reserved 0" in end.text and "dataofs=3, chksum=0" in end.text


@pytest.mark.parametrize(("words", "says"), [
    (("S seq=1 <msx 1>",), 'no option "msx"'), (("S", "--set", "x"), "--set x=1000"),
    (("S", "--dst", "::1", "--src", "127.0.0.1"), "family"),
    (("S", "S", "--picture", "x.png"), "one segment, not 2"), (("S", "--picture", "x.gif"), "use .png"), ((), "missing argument"),
])  # fmt: skip
def test_craft_explains_wrong_calls(command: Command, words: tuple[str, ...], says: str) -> None:
    assert_refused(command("craft", *words), says)


@pytest.mark.skipif(in_private_namespace(), reason="a network namespace of its own: nothing is external here")
def test_craft_sends_nothing_to_strangers(command: Command) -> None:
    assert_refused(command("craft", "S", "--dst", "192.0.2.1", "--send"), "--allow-external")


def test_decode_tells_every_layer(command: Command) -> None:
    end = command("decode", HALF_CLOSE, "--frame", "1")
    assert end.code == 0
    for part in ("Ethernet", "IPv4", "TCP", "Source Port", "|S|", "+-+-"):
        assert part in end.text


def test_decode_as_json_has_the_octets(command: Command) -> None:
    facts = json.loads(command("decode", HALF_CLOSE, "--frame", "2", "-T", "json").text)
    assert facts["reason"] == "TCP"
    assert bytes.fromhex("".join(layer["octets"] for layer in facts["layers"])) == frame_of(HALF_CLOSE, 2).octets


def test_what_decode_writes_craft_reads(command: Command, tmp_path: Path) -> None:
    out = str(tmp_path / "again.pcap")
    for frame in ("1", "2", "4"):
        found = frame_of(HALF_CLOSE, int(frame))
        line = command("decode", HALF_CLOSE, "--frame", frame, "--notation").text.strip()
        src, dst = found.addresses
        assert command("craft", line, "--src", src, "--dst", dst, "-o", out).code == 0
        assert frame_of(out, 1).segment == found.segment


def test_decode_refuses_what_is_not_there(command: Command) -> None:
    assert_refused(command("decode", HALF_CLOSE, "--frame", "9999"), "no frame 9999")
    assert_refused(command("decode", "nowhere.pcap"), "no file")
    assert_refused(command("decode", MANY, "--frame", "1", "--scapy"), "holds no TCP segment")


@pytest.mark.parametrize("kind", ["header", "layers"])
def test_plot_of_a_frame(command: Command, tmp_path: Path, kind: str) -> None:
    out = str(tmp_path / "frame.svg")
    assert command("plot", kind, HALF_CLOSE, "--frame", "1", "-o", out).code == 0
    text = Path(out).read_text()
    assert "Source Port" in text and "</svg>" in text
    command("plot", kind, HALF_CLOSE, "--frame", "1", "--theme", "dark", "-o", out)
    assert "#12161c" in Path(out).read_text() and "#12161c" not in text
    assert_refused(command("plot", kind, HALF_CLOSE, "--frame", "1", "-o", "frame.gif"), "use .png")


def test_a_header_without_a_segment_is_explained(command: Command, tmp_path: Path) -> None:
    assert_refused(command("plot", "header", MANY, "--frame", "1", "-o", str(tmp_path / "x.png")), "holds no TCP segment")
