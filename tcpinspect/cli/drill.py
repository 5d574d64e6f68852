"""drill: a packetdrill script played against this machine's kernel, or against our own endpoint. Floor 5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tcpinspect.cli.options import global_options
from tcpinspect.cli.session import Session, encoded, one_line, unicode_output
from tcpinspect.errors import CaptureError

if TYPE_CHECKING:
    from tcpinspect.lab.packetdrill.result import Result

MISMATCH = 1
_LONGEST = 1 << 20

EXAMPLES = """\b
Examples:
  tcpinspect drill close.pkt
  tcpinspect drill close.pkt --end endpoint -o close.pcap
  tcpinspect export --packetdrill office.pcap --stream 3 | tcpinspect drill -
\b
A script's lines are segments injected (<) and expected (>), and calls with their results:
  0  socket(..., SOCK_STREAM, IPPROTO_TCP) = 3      +0  < S 0:0(0) win 1000 <mss 1460>
  +0 bind(3, ..., ...) = 0                          +0  > S. 0:0(0) ack 1 <...>"""


@click.command(short_help="A packetdrill script against a kernel.", epilog=EXAMPLES)
@click.argument("script", type=click.Path(allow_dash=True), metavar="SCRIPT.pkt")
@click.option("--end", type=click.Choice(["kernel", "endpoint"]), default="kernel", show_default=True,
              help="What is tested: this machine's kernel in a private network, or our own endpoint.")  # fmt: skip
@click.option(
    "--tolerance", type=click.FloatRange(0, 60_000), metavar="MS", help="How early or late a segment may come, for the script's own."
)
@click.option("--skip-commands", is_flag=True, help="Leave out shell commands and Python code, which are never executed.")
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write the capture: .pcap, else pcapng.")
@global_options
@click.pass_obj
def drill(session: Session, script: str, end: str, tolerance: float | None, skip_commands: bool, out: str | None) -> None:
    """Play a packetdrill script: inject its segments, make its calls, hold what comes against what it expects.

    Needs no root and touches nothing of the host. Exit code 1 where script and reality part; the line is named.
    """
    from tcpinspect.lab.packetdrill import run
    from tcpinspect.lab.packetdrill.reading import read
    from tcpinspect.model.table import printable

    session.check_output(out, script)
    made = read(_text(session, script), one_line(script), skip_commands=skip_commands)
    for left_out in made.left_out:
        session.warn(left_out)
    if tolerance is not None:
        made = replace(made, surroundings=replace(made.surroundings, tolerance_ns=int(tolerance * 10**6)))
    result = run.on_kernel(made) if end == "kernel" else run.on_endpoint(made)
    if out is not None:
        with session.output(out, script) as target:
            target.write(result.capture(classic=out.lower().endswith(".pcap")))
    text = "".join(f"{printable(line)}\n" for line in _lines(result))
    # The capture may be what goes to stdout: then the words do not.
    click.echo(encoded(text, unicode=unicode_output()).decode(), nl=False, err=out == "-")
    if not result.passed:
        click.get_current_context().exit(MISMATCH)


def _text(session: Session, path: str) -> str:
    """The script's text, of bounded length; its octets may be anything."""
    session.check_input(path)
    try:
        with click.open_file(path, "rb") as file:
            return bytes(file.read(_LONGEST + 1)).decode("utf-8", "replace")
    except OSError as error:
        raise CaptureError(f"cannot read {path}: {error.strerror or error}") from error


def _lines(result: Result) -> Iterator[str]:
    script, sent = result.script, sum(crossing.sender == "A" for crossing in result.wire.crossings)
    verdict = "passed" if result.passed else "FAILED"
    yield f"{verdict}: {script.name} against {result.side}: {result.done} of {len(script.events)} events, {sent} segments from it"
    if (wrong := result.mismatch) is not None:
        yield f"  line {wrong.line}: {wrong.why}"
        yield f"    expected {wrong.expected}"
        yield f"    got      {wrong.got}"
    if result.unmentioned:
        yield f"  {result.unmentioned} segments came that no line speaks of"
    if steps := result.steps:
        yield f"  states: {' → '.join(map(str, [steps[0].from_state, *(step.to_state for step in steps)]))}"
    found = result.comparison()
    if found.compared:
        yield f"  the analysis of the capture agrees on {found.agreed} of {found.compared} steps"
    for check in found.disagreements:
        yield f"    {check}"
