"""capture: record an interface, or print its segments as they pass; tcpdump's and tshark's letters. Floor 5."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tcpinspect.cli.options import global_options
from tcpinspect.cli.session import BROKEN_PIPE, DONE, FAILED, Session, complain, is_terminal, silence_stdout
from tcpinspect.cli.timestyle import STYLES
from tcpinspect.errors import UsageError

if TYPE_CHECKING:
    from tcpinspect.capture.live.recorder import Ending, Recorder
    from tcpinspect.capture.live.tap import Tap

_KILO = 1000  # tshark's kB
_KINDS_A, _KINDS_B = ("duration", "filesize", "packets", "files"), ("filesize", "duration", "packets", "files")

# All that runs after the change of user.
_LATER = (
    "tcpinspect.capture.live.recorder", "tcpinspect.cli.capture_lines", "tcpinspect.model.analysis", "tcpinspect.model.table",
)  # fmt: skip

EPILOG = """\b
Examples:
  tcpinspect capture -i eth0 tcp port 443                     a line for every segment
  tcpinspect capture -i eth0 -w web.pcapng tcp port 80        until Ctrl-C
  tcpinspect capture -i any -w day.pcapng -b filesize:100000 -b files:10
  tcpinspect capture -i lo -a duration:10 -w - | tcpinspect -

Exit code: 0 when -c or -a is reached, and when Ctrl-C or kill ends a capture that has neither; 130 (143 after kill) when they come
before -c or -a is reached; 2 when it cannot begin, the interface goes away or the disk is full: the file then holds whole packets
up to there, and the message says why; 141 when the reader of the pipe has gone.
"""


def _conditions(kinds: tuple[str, ...]) -> Any:
    """A click callback that reads `duration:10` and the like into a dictionary."""

    def read(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
        found: dict[str, float] = {}
        for value in values:
            kind, _, number = value.partition(":")
            try:
                amount = float(number) if kind == "duration" else int(number)
            except ValueError:
                amount = 0
            if kind not in kinds or not 0 < amount < 1e15:
                raise click.BadParameter(f'"{value}": write one of {", ".join(f"{one}:N" for one in kinds)} with N above 0', ctx, parameter)
            found[kind] = amount
        return found

    return read


@click.command(short_help="Record an interface, or print its segments live.", epilog=EPILOG)
@click.argument("filter_words", nargs=-1, metavar="[FILTER]")
@click.option("-i", "--interface", metavar="IFACE", help='Listen there: a name, a number of -D, or "any"; default: the first that is up.')
@click.option(
    "-w", "--write", "path", type=click.Path(allow_dash=True, readable=False), metavar="FILE", help='Write the packets; "-" is stdout.'
)
@click.option(
    "-F", "format", type=click.Choice(["pcapng", "pcap", "nsecpcap"]), help="Format of the file; default: pcap for .pcap, else pcapng."
)
@click.option("-f", "filter_text", metavar="FILTER", help="The capture filter as one word, as with tshark.")
@click.option("-c", "count", type=click.IntRange(min=1), metavar="N", help="Stop after N packets (without -w: N segments).")
@click.option(
    "-a",
    "stop_at",
    multiple=True,
    callback=_conditions(_KINDS_A),
    metavar="COND",
    help="Stop at duration:SECONDS, filesize:KB, packets:N or files:N; may be repeated.",
)
@click.option(
    "-b",
    "ring",
    multiple=True,
    callback=_conditions(_KINDS_B),
    metavar="COND",
    help="Go on in another file after filesize:KB, duration:SECONDS or packets:N; files:N keeps the last N.",
)
@click.option(
    "-s", "snaplen", type=click.IntRange(min=0), default=0, metavar="BYTES", help="Keep so much of each packet; 0, the default: all."
)
@click.option(
    "-B", "buffer_mib", type=click.IntRange(min=1, max=4096), default=32, show_default=True, metavar="MIB", help="The kernel's buffer."
)
@click.option("-p", "not_promiscuous", is_flag=True, help="Leave the interface out of promiscuous mode.")
@click.option("-Z", "user", metavar="USER", help="Become this user before the first packet; default: who called sudo; root stays root.")
@click.option("-t", "style", type=click.Choice(STYLES), default="a", show_default=True, help="Times of the lines, as with tshark.")
@click.option("-n", "numeric", is_flag=True, expose_value=False, help="Accepted for habit: names are never looked up.")
@click.option("-l", "-U", "unbuffered", is_flag=True, expose_value=False, help="Accepted for habit: what came is out at once.")
@click.option("-D", "listing", is_flag=True, help="List the interfaces and exit.")
@global_options
@click.pass_obj
def capture(
    session: Session, filter_words: tuple[str, ...], interface: str | None, path: str | None, format: str | None, filter_text: str | None,
    count: int | None, stop_at: dict[str, float], ring: dict[str, float], snaplen: int, buffer_mib: int, not_promiscuous: bool,
    user: str | None, style: str, listing: bool,
) -> None:  # fmt: skip
    """Record the packets of an interface, or without -w print a line for every TCP segment.

    FILTER is a capture filter as tcpdump takes it (pcap-filter(7)). The last line on stderr tells what was received, dropped and
    written; a pcapng file has these numbers, too. -q shows no counts while it runs.
    """
    if listing:
        _list_interfaces()
        return
    if filter_text and filter_words:
        raise click.UsageError("two filters, -f and the words at the end: give one")
    if path is None and (ring or format or stop_at.keys() & {"filesize", "files"}):
        raise click.UsageError("-b, -F, -a filesize and -a files are about files: add -w FILE")
    if path == "-" and is_terminal(sys.stdout):
        raise click.UsageError('"-w -" would write packets to the terminal: redirect it, or leave -w out to see lines')
    if path == "-" and ring:
        raise click.UsageError("-b needs files to go on in, not a pipe: give -w FILE")

    from tcpinspect.capture.live import privileges
    from tcpinspect.capture.live.tap import Tap

    text = filter_text or " ".join(filter_words)
    tap = Tap(interface or _first_up(), text, snaplen=snaplen, buffer_mib=buffer_mib, promiscuous=not not_promiscuous)
    try:
        privileges.drop_all(user, _LATER)
        recorder = _recorder(session, tap, path, format, count, stop_at, ring, style)
        limited = count is not None or bool(stop_at)
        code = _run(session, recorder, path, limited)
    finally:
        tap.close()
    click.get_current_context().exit(code)


def _recorder(
    session: Session, tap: Tap, path: str | None, format: str | None, count: int | None, stop_at: dict[str, float],
    ring: dict[str, float], style: str,
) -> Recorder:  # fmt: skip
    """What moves the packets to where they were asked for."""
    from tcpinspect.capture.live.recorder import Limits, Recorder

    wanted = [int(one) for one in (count, stop_at.get("packets")) if one is not None]
    packets, duration = min(wanted, default=None), stop_at.get("duration")
    if path is None:
        from tcpinspect.cli.capture_lines import LineSink

        return Recorder(tap, LineSink(style, packets), Limits(duration_s=duration))
    from tcpinspect.capture.live.files import FileSink, Rotation, format_of

    rotation = Rotation(_octets(ring, "filesize"), ring.get("duration"), _whole(ring, "packets"), _whole(ring, "files"))
    if ring and not rotation:
        raise UsageError("-b files:N alone never goes on to another file: add -b filesize:KB, -b duration:SECONDS or -b packets:N")
    if rotation and "filesize" in stop_at:
        raise UsageError("-a filesize ends the capture, -b filesize goes on in another file: give one of them")
    sink = FileSink(
        path, format_of(path, format), tap.described, tap.largest_batch,
        rotation=rotation, limit=_octets(stop_at, "filesize"), max_files=_whole(stop_at, "files"),
    )  # fmt: skip
    return Recorder(tap, sink, Limits(packets, duration))


def _whole(conditions: dict[str, float], kind: str) -> int | None:
    return int(conditions[kind]) if kind in conditions else None


def _octets(conditions: dict[str, float], kind: str) -> int | None:
    return int(conditions[kind]) * _KILO if kind in conditions else None


def _run(session: Session, recorder: Recorder, path: str | None, limited: bool) -> int:
    """Record, telling on stderr how it goes, and give the exit code."""
    about = recorder.tap.described
    if not session.quiet:
        from tcpinspect.model.analysis import LINK_NAMES

        complain(f"listening on {about.name} ({LINK_NAMES.get(about.link_type, about.link_type)}), snapshot length {about.snaplen}")
    # Lines on the terminal are progress enough.
    shown = path is not None and not session.quiet and is_terminal(sys.stderr)
    with _signals_stop(recorder) as received:
        try:
            ending = recorder.run(lambda: _show_counts(recorder) if shown else None)
        except BrokenPipeError:
            silence_stdout()
            return BROKEN_PIPE
        finally:
            if shown:
                sys.stderr.write("\r\x1b[K")
    kept = getattr(recorder.sink, "kept", "")
    return _tell(ending, path, kept, limited, received)


def _tell(ending: Ending, path: str | None, where: str, limited: bool, received: list[int]) -> int:
    from tcpinspect.capture.live.files import WriteFailed

    if isinstance(ending.trouble, WriteFailed) and ending.trouble.broken_pipe:
        silence_stdout()
        return BROKEN_PIPE
    if ending.trouble is not None:
        kept = f"; what was captured until then is whole in {where}" if path not in (None, "-") else ""
        complain(f"{ending.trouble}{kept}")
    counts = ending.counts
    lost = "unknown" if counts.dropped_interface is None else f"{counts.dropped_interface:,}"
    complain(
        f"{ending.written:,} {'segments shown' if path is None else 'packets written'}, {counts.received:,} received, "
        f"{counts.dropped_kernel:,} dropped by the kernel{' (a larger -B holds more)' if counts.dropped_kernel else ''}, "
        f"{lost} dropped by the interface"
    )
    if ending.trouble is not None:
        return FAILED
    return 128 + received[0] if received and limited and not ending.reached else DONE


def _show_counts(recorder: Recorder) -> None:
    """The counts on one line of the terminal, over those before."""
    counts = recorder.sink.counts
    lost = counts.dropped_kernel + (counts.dropped_interface or 0)
    sys.stderr.write(f"\r{recorder.written:,} packets" + (f", {lost:,} dropped" if lost else "") + "\x1b[K")
    sys.stderr.flush()


@contextmanager
def _signals_stop(recorder: Recorder) -> Iterator[list[int]]:
    """Let Ctrl-C, kill and a closed terminal end the capture in order; a second Ctrl-C ends it at once."""
    received: list[int] = []

    def stop(number: int, _frame: object) -> None:
        received.append(number)
        recorder.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first_up() -> str:
    """tcpdump's default: the first interface that is up and not the loopback."""
    from tcpinspect.capture.live.interfaces import interfaces

    for one in interfaces():
        if one.index and one.up and not one.loopback:
            return one.name
    raise UsageError('no interface but lo is up: name one with -i ("tcpinspect capture -D" lists them)')


def _list_interfaces() -> None:
    from tcpinspect.capture.live.interfaces import interfaces
    from tcpinspect.cli.session import one_line
    from tcpinspect.model.analysis import LINK_NAMES

    known = interfaces()
    wide = max(len(one.name) for one in known)
    for number, one in enumerate(known, 1):
        about = f"{number:>2}. {one.name:<{wide}}  [{one.condition}]  {LINK_NAMES.get(one.link_type, one.link_type)}"
        click.echo(one_line(about + (f"  {', '.join(one.addresses)}" if one.addresses else "")))
