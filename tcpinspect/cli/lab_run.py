"""lab run: play one exchange with its story on stdout, or two exchanges side by side. Floor 5."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import click

from tcpinspect.cli.lab_story import Column, Story, side_by_side
from tcpinspect.cli.session import Session, complain, terminal_width, unicode_output
from tcpinspect.cli.show import PICTURES
from tcpinspect.errors import UsageError
from tcpinspect.lab.scenario import play
from tcpinspect.lab.script import Pair, Scenario, is_kernel
from tcpinspect.report.folding import folded

if TYPE_CHECKING:
    from tcpinspect.lab.compare import Comparison
    from tcpinspect.lab.scenario import Played

_USUAL_WIDTH = 100  # characters where stdout is no terminal


def say(text: str) -> None:
    """A sentence, folded to the width that the story has."""
    for line in folded(text, terminal_width() or _USUAL_WIDTH, indent=" " * (len(text) - len(text.lstrip(" ")))):
        click.echo(line)


def told(session: Session, scenario: Scenario, pair: Pair, user: bool | None) -> Played:
    """Play it and tell it while it happens. Ctrl-C ends it early: `interrupted` then."""
    say(scenario.lesson)
    click.echo("")
    story = Story(click.echo, width=terminal_width() or _USUAL_WIDTH, unicode=unicode_output(), color=session.colored())
    story.begin(*("kernel" if is_kernel(pair, end) else "our TCP" for end in ("A", "B")))
    return play(scenario, pair, watch=story, user=user)


def told_beside(session: Session, scenario: Scenario, other: Scenario, pair: Pair, user: bool | None) -> tuple[Played, Played]:
    """Play both, and tell them side by side in one time."""
    unicode, color = unicode_output(), session.colored()
    width = terminal_width() or _USUAL_WIDTH
    columns = [Column(width=width, unicode=unicode, color=color) for _ in range(2)]
    both = []
    for one, column in zip((scenario, other), columns, strict=True):
        say(f"{one.name}: {one.lesson}")
        both.append(play(one, pair, watch=column, user=user))
        if both[-1].interrupted:
            break
    click.echo("")
    for line in side_by_side(*columns, heads=(scenario.name, other.name)):
        click.echo(line)
    return both[0], both[-1]


def judged(played: Played, *, named: bool = False) -> Iterator[str]:
    """Was all as expected, and how far does the analysis of the capture agree with what truly happened?"""
    name = f"{played.scenario.name}: " if named else ""
    for failure in played.failures if not played.interrupted else ():
        yield f"{name}not as expected: {failure}"
    if played.spoilt and not played.interrupted:
        yield f"{name}this machine was too busy to keep the times (up to {played.late_ns / 1e6:.0f} ms late): try again when it is quiet"
    for count in played.counts:
        by_ss = "ss is not here" if count.by_ss is None else f"ss counts {count.by_ss}"
        seen = count.by_the_capture(played)
        yield f"{name}{count.end} in {count.state}: sock_diag counts {count.ours}, {by_ss}, the capture shows {seen}"
    yield from (f"{name}{line}" for line in _agreement(played.comparison()))


def _agreement(comparison: Comparison) -> Iterator[str]:
    yield f"the analysis of the capture agrees with the truth in {comparison.agreed} of {comparison.compared} steps"
    for check in comparison.disagreements:
        yield f"  {check}"


def check_places(out: str | None, picture: str | None) -> None:
    """Refuse before the exchange what could not be written after it."""
    if picture is not None and os.path.splitext(picture)[1].lower() not in PICTURES:
        raise UsageError(f"{picture} has no ending that says which picture it is: use {', '.join(PICTURES)}")
    for path in filter(None, (out, picture)):
        _check_place(path)


def _check_place(out: str) -> None:
    folder = os.path.dirname(out) or "."
    if not os.path.isdir(folder):
        raise UsageError(f"cannot write {out}: there is no directory {folder}")
    if os.path.isdir(out) or not os.access(out if os.path.exists(out) else folder, os.W_OK):
        raise UsageError(f"cannot write {out}: {'it is a directory' if os.path.isdir(out) else 'permission denied'}")


def draw(exchanges: list[Played], path: str) -> None:
    """Write the ladders of all connections as one picture, what is compared side by side."""
    from tcpinspect.plot import save
    from tcpinspect.plot.draw_beside import Column as Drawn
    from tcpinspect.plot.draw_beside import beside

    save(beside([Drawn(one.scenario.name, list(one.analysis().connections)) for one in exchanges]), path)
    click.echo(f"picture: {path}")


def keep(session: Session, played: Played, out: str) -> None:
    """Write the capture, whole or not at all."""
    octets = io.BytesIO()
    if out.lower().endswith(".pcap"):
        octets.write(played.capture)
    else:
        played.wire.write(octets, comment=played.scenario.lesson)
    with session.output(out) as target:
        target.write(octets.getvalue())
    click.echo(f"capture: {out} ({len(played.wire.frames)} frames)")


def in_user_namespace(root: bool) -> bool | None:
    """Whether a user namespace goes around the private networks; None: where it must."""
    if root and os.geteuid() != 0:
        raise UsageError("--root needs root: run it with sudo, or leave it out (private networks need no root)")
    return False if root else None


@contextmanager
def signals_interrupt() -> Iterator[list[int]]:
    """Let kill and a closed terminal end an exchange in order, as Ctrl-C does; the signals that came are in the list."""
    received: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield received
    except KeyboardInterrupt:
        complain("interrupted before the exchange began")
        raise click.exceptions.Exit(128 + received[0] if received else cast(int, 128 + signal.SIGINT)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
