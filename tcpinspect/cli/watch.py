"""watch: the states of connections as they change; a table on a terminal, else a line for every step. Floor 5."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tcpinspect.cli.options import global_options
from tcpinspect.cli.session import DONE, FAILED, Session, complain, is_terminal, unicode_output
from tcpinspect.cli.timestyle import STYLES
from tcpinspect.errors import LabError

if TYPE_CHECKING:
    from tcpinspect.capture.live.tap import Tap
    from tcpinspect.cli.watch_kernel import Kernel
    from tcpinspect.cli.watch_source import Packets
    from tcpinspect.model.recent import Recent
    from tcpinspect.model.watching import Watch

# All that runs after the change of user.
_LATER = (
    "tcpinspect.cli.watch_kernel", "tcpinspect.cli.watch_lines", "tcpinspect.cli.watch_screen", "tcpinspect.cli.watch_source",
    "tcpinspect.engine.layers", "tcpinspect.engine.signs", "tcpinspect.insight.doctor", "tcpinspect.insight.findings",
    "tcpinspect.model.analysis", "tcpinspect.model.survey", "tcpinspect.plot.layout", "tcpinspect.report.summary",
)  # fmt: skip
_ALL_KEPT = 100_000  # connections compared with the kernel at the end, at most

EPILOG = """\b
Examples:
  tcpinspect watch -i eth0 tcp port 443            a table that redraws; h lists its keys
  tcpinspect watch -i lo --kernel                  beside what the kernel says of its sockets
  tcpinspect watch office.pcap --speed 10          a capture, ten times as fast as it was
  tcpinspect watch -i any -T ndjson | jq .to_state a line for every change of state

Exit code: 0 when it was ended by q, Ctrl-C or kill, or the packets have ended; 2 when it cannot begin or the interface goes away.
"""


@click.command(short_help="The states of connections as they change, live or replayed.", epilog=EPILOG)
@click.argument("words", nargs=-1, metavar="[FILE | FILTER]")
@click.option("-i", "--interface", metavar="IFACE", help='Watch this interface: a name, or "any". FILTER is then a capture filter.')
@click.option("--speed", type=click.FloatRange(min=0), metavar="N", help="Replay FILE N times as fast as it was; 0: at once. Default: 1.")
@click.option("--kernel", "kernel_too", is_flag=True,
              help="Show what the kernel says of its own sockets, as root with each change, and mark where they differ.")  # fmt: skip
@click.option("-T", "--format", "format", type=click.Choice(["table", "text", "ndjson"]),
              help="The table (default on a terminal), lines for people (default elsewhere) or for programs.")  # fmt: skip
@click.option("-t", "style", type=click.Choice(STYLES), default="a", show_default=True, help="Times of the lines, as with tshark.")
@click.option(
    "-B", "buffer_mib", type=click.IntRange(min=1, max=4096), default=32, show_default=True, metavar="MIB", help="The kernel's buffer."
)
@click.option("-p", "not_promiscuous", is_flag=True, help="Leave the interface out of promiscuous mode.")
@click.option("-Z", "user", metavar="USER", help="Become this user before the first packet; default: who called sudo; root stays root.")
@click.option("-n", "numeric", is_flag=True, expose_value=False, help="Accepted for habit: names are never looked up.")
@global_options
@click.pass_obj
def watch(
    session: Session, words: tuple[str, ...], interface: str | None, speed: float | None, kernel_too: bool, format: str | None, style: str,
    buffer_mib: int, not_promiscuous: bool, user: str | None,
) -> None:  # fmt: skip
    """Watch connections: in which state both ends are, since when, and how it goes on.

    On a terminal it is a table: Enter opens a connection as a ladder that grows, h lists the keys. Elsewhere it is a line for every
    step; -T ndjson has the columns of the timeline, and takes_back: how many steps of that side are void, because a later segment
    showed it otherwise; who the peer is; and with --kernel as root kernel_ns: when the kernel set that state.
    """
    format = format or ("table" if is_terminal(sys.stdout) else "text")
    if format == "table" and not is_terminal(sys.stdout):
        raise click.UsageError("the table needs a terminal: for a file or a pipe there are -T text and -T ndjson")
    if interface is None and len(words) != 1:
        raise click.UsageError("what to watch? An interface: -i IFACE [FILTER], or one capture file")
    if interface is not None and speed is not None:
        raise click.UsageError("--speed is for replaying a file: an interface has its own")
    if interface is None and kernel_too:
        raise click.UsageError("--kernel compares with the sockets of this moment: it needs an interface, -i IFACE")
    if interface is None:
        session.check_input(words)
        if words[0] == "-" and format == "table":
            raise click.UsageError("the table needs a file that is there: write the pipe to a file, or use -T text")
    kernel = _kernel() if kernel_too else None
    tap = _tap(interface, " ".join(words), buffer_mib, not not_promiscuous, user) if interface is not None else None
    try:
        code = _run(session, tap, words, 1.0 if speed is None else speed, kernel, format, style)
    finally:
        if tap is not None:
            tap.close()
    click.get_current_context().exit(code)


def _kernel() -> Kernel:
    from tcpinspect.cli.watch_kernel import Kernel

    try:
        return Kernel()
    except OSError as error:
        if isinstance(error, LabError):
            raise
        raise LabError(f"this kernel does not tell about its sockets (sock_diag): {error.strerror or error}") from None


def _tap(interface: str, text: str, buffer_mib: int, promiscuous: bool, user: str | None) -> Tap:
    """The open interface; from here on without any privilege."""
    from tcpinspect.capture.live import privileges
    from tcpinspect.capture.live.tap import Tap

    tap = Tap(interface, text, buffer_mib=buffer_mib, promiscuous=promiscuous)
    try:
        privileges.drop_all(user, _LATER)
    except BaseException:
        tap.close()
        raise
    return tap


def _run(
    session: Session, tap: Tap | None, words: tuple[str, ...], speed: float, kernel: Kernel | None, format: str, style: str
) -> int:  # fmt: skip
    from tcpinspect.cli.watch_source import Replay, Wire
    from tcpinspect.model.recent import Recent
    from tcpinspect.model.watching import Watch

    followed = Watch(steps=format != "table" or kernel is not None)
    recent = Recent() if format == "table" else None
    packets: Packets = Wire(tap, followed, recent) if tap is not None else Replay(words[0], speed, followed, recent)
    if format == "table":
        assert recent is not None
        _table(session, packets, recent, kernel, stay=tap is None)
    else:
        _lines(session, packets, kernel, format, style)
    if kernel is not None:
        _compare(packets, kernel)
    _sum_up(session, packets, followed, to_screen=format == "table")
    if packets.over:
        complain(packets.over)
        return FAILED
    return DONE


def _table(session: Session, packets: Packets, recent: Recent, kernel: Kernel | None, *, stay: bool) -> None:
    from tcpinspect.cli.watch_screen import Screen

    screen = Screen(packets, recent, kernel, color=session.colored(), unicode=unicode_output(), stay=stay)
    with _signals(screen.stop):
        screen.run()


def _lines(session: Session, packets: Packets, kernel: Kernel | None, format: str, style: str) -> None:
    from tcpinspect.cli.watch_lines import StepLines

    if not session.quiet:
        complain(f"watching {packets.name}")
        if kernel is not None and kernel.without:
            complain(f"{kernel.without}: of the kernel only how its sockets stand at the end")
    lines = StepLines(format, style)
    with _signals(packets.stop):
        more = True
        while more:
            more = packets.step(0.2)
            steps = packets.watch.ask(packets.now_ns())
            lines.write(steps, kernel.hear(steps) if kernel is not None else None)


def _compare(packets: Packets, kernel: Kernel) -> None:
    """Tell on stderr how kernel and wire agree at the end."""
    from tcpinspect.cli.watch_kernel import verdict

    # What is in the kernel's hands now may still be on its way to us: take it in first, where an interface is watched.
    kernel.read()
    packets.stop()
    while packets.step(0.1):
        pass
    kernel.hear(packets.watch.ask(packets.now_ns()))
    for line in verdict(kernel, packets.watch.lines("stream", most=_ALL_KEPT), packets.now_ns()):
        complain(line)


def _sum_up(session: Session, packets: Packets, followed: Watch, *, to_screen: bool) -> None:
    """The summary: on the screen that showed the table; beside lines one line on stderr."""
    from tcpinspect.insight.phrases import count

    dropped = packets.dropped()
    floods = followed.floods(packets.now_ns())
    followed.end()
    if not to_screen:
        if not session.quiet:
            lost = "" if dropped is None else f", {dropped:,} packets dropped"
            complain(f"{count(followed.seen, 'connection')}, {count(followed.segments, 'segment')}{lost}")
            for flood in floods:
                complain(flood)
        return
    from tcpinspect.cli.session import encoded, terminal_width
    from tcpinspect.report.summary import summary_text

    format, interfaces = packets.interfaces()
    survey = followed.survey(packets.name, interfaces, format, given="" if format == "live" else packets.name, dropped=dropped)
    unicode = unicode_output()
    text = summary_text(survey, width=terminal_width() or 80, color=session.colored(), unicode=unicode)
    sys.stdout.flush()
    sys.stdout.buffer.write(encoded(text, unicode=unicode))
    sys.stdout.buffer.flush()


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C, kill and a closed terminal end it in order; a second Ctrl-C ends it at once."""

    def end(_number: int, _frame: object) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
