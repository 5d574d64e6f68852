"""summary, show, plot, report, states, completion: what each writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tcpinspect.protocol.rfc9293 import TRANSITIONS

from .conftest import HALF_CLOSE, LOSSY, MANY, Command


def test_summary_as_json_counts_what_the_table_has(command: Command) -> None:
    facts = json.loads(command("summary", MANY, "-T", "json").text)
    lines = command("connections", MANY, "-T", "ndjson").text.splitlines()
    assert facts["connections"] == len(lines)
    assert sum(facts["conn_states"].values()) == sum(one["connections"] for one in facts["outcomes"]) == len(lines)
    assert facts["name"] == "many-connections.pcapng"
    assert {"packets", "segments", "first_ns", "duration_ns", "worth_a_look", "warnings"} <= set(facts)


def test_summary_is_one_screen(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(Path(MANY).parent)  # the lines with a command to copy are as long as the path given
    lines = command(Path(MANY).name).text.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 50


def test_show_is_a_ladder(command: Command) -> None:
    pytest.importorskip("tcpinspect.report.ladder_text")
    end = command("show", HALF_CLOSE, "--stream", "0", "--width", "100", "--ascii")
    assert end.code == 0 and end.out.isascii()
    assert max(map(len, end.text.splitlines())) <= 100
    assert "FIN-WAIT-2" in end.text and "CLOSE-WAIT" in end.text
    short = command("show", HALF_CLOSE, "--stream", "0", "--phase", "handshake").text
    assert "SYN-SENT" in short and "LAST-ACK" not in short


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
@pytest.mark.parametrize("kind", ["ladder", "machine"])
def test_plot_writes_a_picture(command: Command, tmp_path: Path, kind: str, suffix: str, magic: bytes) -> None:
    plot = pytest.importorskip("tcpinspect.plot")
    if not hasattr(plot, "save"):
        pytest.skip("nothing to plot with")
    out = tmp_path / f"x.{suffix}"
    assert command("plot", kind, HALF_CLOSE, "--stream", "0", "-o", str(out)) == (0, b"", "")
    assert out.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("sequence", ["--side", "server"]), ("overview", []), ("machine", []), ("dwell", ["--theme", "dark"])],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_plot_draws_a_direction_and_a_whole_capture(command: Command, tmp_path: Path, kind: str, options: list[str]) -> None:
    out = tmp_path / "x.svg"
    assert command("plot", kind, HALF_CLOSE, *options, "-o", str(out)) == (0, b"", "")
    assert "</text>" in out.read_text(encoding="utf-8")


def test_plot_of_several_connections_wants_a_number_and_help_knows_every_kind(command: Command, tmp_path: Path) -> None:
    end = command("plot", "sequence", MANY, "-o", str(tmp_path / "x.png"))
    assert end.code == 2 and "choose one with --stream N" in end.err
    listed = command("plot", "--help").text
    kinds = (
        "ladder",
        "states",
        "machine",
        "sequence",
        "throughput",
        "rtt",
        "window",
        "segments",
        "overview",
        "handshakes",
        "teardowns",
        "dwell",
    )
    assert all(f"  {kind} " in listed for kind in kinds)


@pytest.mark.parametrize(("name", "start"), [("x.html", "<!doctype html>"), ("x.md", "#")])
def test_report_writes_a_page(command: Command, tmp_path: Path, name: str, start: str) -> None:
    out = tmp_path / name
    assert command("report", LOSSY, "-o", str(out)) == (0, b"", "")
    assert out.read_text().lower().startswith(start)
    to_stdout = command("report", LOSSY, "-o", "-", "-T", out.suffix[1:])
    assert to_stdout.text.lower().startswith(start)


def test_states_prints_every_transition(command: Command) -> None:
    text = command("states").text.splitlines()
    assert len(text) == len(TRANSITIONS) + 1
    markdown = command("states", "--format", "md").text.splitlines()
    assert len(markdown) == len(TRANSITIONS) + 2
    assert all(line.count("|") == 6 for line in markdown)
    for line, arc in zip(markdown[2:], TRANSITIONS, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells == [str(arc.state), str(arc.event), arc.sends, str(arc.to), arc.section]


def test_states_as_a_graph_names_every_arc(command: Command) -> None:
    graph = command("states", "--format", "dot").text
    assert graph.startswith("digraph") and graph.rstrip().endswith("}")
    for arc in TRANSITIONS:
        assert f'"{arc.state}" -> "{arc.to}"' in graph


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_asks_the_command(command: Command, shell: str) -> None:
    end = command("completion", shell)
    assert end.code == 0 and f"_TCPINSPECT_COMPLETE={shell}_complete" in end.text


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("tcpinspect seg", "segments"), ("tcpinspect segments -T nd", "ndjson"), ("tcpinspect segments x -e fast", "fast_retransmission")],
)
def test_completion_knows_commands_and_columns(command: Command, monkeypatch: pytest.MonkeyPatch, typed: str, expected: str) -> None:
    monkeypatch.setenv("_TCPINSPECT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert expected in command().text
