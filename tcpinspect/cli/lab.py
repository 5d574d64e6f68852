"""lab: the catalogue of exchanges: list it, play one, hold the analysis against the truth. Floor 5."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import click

from tcpinspect.cli.options import global_options
from tcpinspect.cli.session import Session, complain, terminal_width, unicode_output
from tcpinspect.errors import LabError, UsageError

if TYPE_CHECKING:
    from tcpinspect.lab.compare import Comparison
    from tcpinspect.lab.scenario import Played
    from tcpinspect.lab.script import Pair, Scenario

UNMET = 1  # everything ran, and something was not as the scenario says
_PAIRS = ("ours", "ours-kernel", "kernel-ours", "kernels")
_TRIES, _LATE_NS = 3, 4_000_000  # the exchanges of the catalogue leave 5 ms of room

_ends_help = "What stands at A and at B: our endpoint, or a kernel in a private network."


@click.group(
    short_help="Play an exchange between two TCPs, and compare.",
    epilog="\b\nExamples:\n  tcpinspect lab list\n  tcpinspect lab run simultaneous-close --ends kernels",
)
def lab() -> None:
    """The laboratory: exchanges written as short texts, played between endpoints of our own and real kernels.

    Kernels run in private networks that disappear with the command; nothing on this machine is opened or changed, and no
    root is needed.
    """


@lab.command("list", short_help="The catalogue.")
@click.option("--zh", is_flag=True, help="The lessons in Chinese.")
@global_options
@click.pass_obj
def list_(session: Session, zh: bool) -> None:
    """List the exchanges of the catalogue: the name, and what one learns."""
    from tcpinspect.lab import catalogue

    names = catalogue.names()
    width = max(map(len, names)) + 2
    for name in names:
        scenario = catalogue.load(name)
        click.echo(f"{name:<{width}}{scenario.lesson_zh if zh and scenario.lesson_zh else scenario.lesson}")


@lab.command(
    short_help="Play one exchange, both sides' states as it happens.",
    epilog="\b\nExamples:\n  tcpinspect lab run simultaneous-close\n"
    "  tcpinspect lab run simultaneous-close --ends kernels -o close.pcap\n  tcpinspect lab run my-exchange.txt",
)
@click.argument("name", metavar="NAME|FILE")
@click.option("--ends", type=click.Choice(_PAIRS), help=f"{_ends_help} [default: the first that the scenario allows]")
@click.option("-o", "--output", "out", type=click.Path(), metavar="OUT", help="Write the capture: .pcap, else pcapng.")
@click.option("--root", is_flag=True, help="Make the private networks as root instead of in a user namespace.")
@click.option("--text", "show_text", is_flag=True, help="Print the scenario's text instead of playing it.")
@global_options
@click.pass_obj
def run(session: Session, name: str, ends: str | None, out: str | None, root: bool, show_text: bool) -> None:
    """Play an exchange of the catalogue, or of a file, and print it as a ladder while it happens.

    The exit code is 0 where all came as the scenario says, 1 where not.
    """
    from tcpinspect.lab import catalogue

    if show_text:
        click.echo(catalogue.text(name), nl=False)
        return
    if out == "-":
        raise UsageError("the story goes to stdout: give the capture a file, such as -o exchange.pcap")
    scenario = catalogue.load(name)
    played = _told(session, scenario, ends, root)
    if out is not None:
        played.write(out)
        click.echo(f"capture: {out} ({len(played.wire.frames)} frames)")
    if scenario.beside is not None:
        click.echo(f"\nBeside it, {scenario.beside}:")
        _told(session, catalogue.load(scenario.beside), ends, root)
    if not played.passed:
        raise click.exceptions.Exit(UNMET)


def _told(session: Session, scenario: Scenario, ends: str | None, root: bool) -> Played:
    """Play it with its story on stdout."""
    from tcpinspect.cli.lab_story import Story
    from tcpinspect.lab.scenario import play
    from tcpinspect.lab.script import is_kernel

    pair = cast("Pair", ends or scenario.pairs[0])
    click.echo(f"{scenario.lesson}\n")
    story = Story(click.echo, width=terminal_width() or 100, unicode=unicode_output(), color=session.colored())
    story.begin(*("kernel" if is_kernel(pair, end) else "our TCP" for end in ("A", "B")))
    played = play(scenario, pair, watch=story, user=_user(root))
    click.echo("")
    for failure in played.failures:
        click.echo(f"not as expected: {failure}")
    for line in _agreement(played.comparison()):
        click.echo(line)
    return played


def _user(root: bool) -> bool | None:
    """Whether a user namespace goes around the private networks; None: where it must."""
    import os

    if root and os.geteuid() != 0:
        raise UsageError("--root needs root: run it with sudo, or leave it out (private networks need no root)")
    return False if root else None


def _agreement(comparison: Comparison) -> Iterator[str]:
    """How far the analysis of the capture agrees with what truly happened, and why not further."""
    yield f"the analysis of the capture agrees with the truth in {comparison.agreed} of {comparison.compared} steps"
    for check in comparison.disagreements:
        yield f"  {check}"


@lab.command(
    short_help="Hold the analysis against the truth of every exchange.",
    epilog="\b\nExamples:\n  tcpinspect lab verify\n  tcpinspect lab verify last-ack-lost --ends kernels",
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--ends", multiple=True, type=click.Choice(_PAIRS), help=f"{_ends_help} [default: all]")
@click.option("--root", is_flag=True, help="Make the private networks as root instead of in a user namespace.")
@global_options
@click.pass_obj
def verify(session: Session, names: tuple[str, ...], ends: tuple[str, ...], root: bool) -> None:
    """Play exchanges on every pair of ends, and compare the analysis of each capture with what the ends really went through.

    The truth is our endpoint's own record, and a kernel's sockets read after every packet. Each disagreement is printed with
    its reason. The exit code is 1 where one has none, or an exchange did not go as its text says.
    """
    from tcpinspect.lab import catalogue

    scenarios = [catalogue.load(name) for name in names or catalogue.names()]
    pairs = _possible(ends or _PAIRS, root)
    total = _Total()
    for scenario in scenarios:
        for pair in pairs:
            if pair in scenario.pairs:
                for line in total.add(_in_time(scenario, pair, _user(root))):
                    click.echo(line)
    for line in total.lines():
        click.echo(line)
    if total.bad:
        raise click.exceptions.Exit(UNMET)


@lab.command(
    short_help="Write the capture of every exchange.",
    epilog="\b\nExample:\n  tcpinspect lab record captures/lab --most 5000",
)
@click.argument("directory", type=click.Path(exists=True, file_okay=False, writable=True))
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--most", type=click.IntRange(min=1), metavar="N", help="Leave out captures of more than N octets.")
@global_options
@click.pass_obj
def record(session: Session, directory: str, names: tuple[str, ...], most: int | None) -> None:
    """Play exchanges on two endpoints of our own and write each capture as DIRECTORY/NAME.pcap.

    Time and numbers are the scenario's: the files are the same, octet for octet, whoever writes them and whenever.
    """
    import os

    from tcpinspect.lab import catalogue
    from tcpinspect.lab.scenario import play

    written = 0
    for name in names or catalogue.names():
        scenario = catalogue.load(name)
        if "ours" not in scenario.pairs:
            if names:
                raise UsageError(f"{name} needs a kernel, and no two recordings of a kernel are the same: it is not recorded")
            continue
        octets = play(scenario).capture
        if most is None or len(octets) <= most:
            with session.output(os.path.join(directory, f"{scenario.name}.pcap")) as out:
                out.write(octets)
            written += 1
    click.echo(f"{written} captures in {directory}")


def _in_time(scenario: Scenario, pair: Pair, user: bool | None) -> Played:
    """Play it; with kernels again where the machine was too busy to keep the scenario's times, and that shows."""
    from tcpinspect.lab.scenario import play

    for _ in range(_TRIES):
        played = play(scenario, pair, user=user)
        if played.passed or pair == "ours" or played.late_ns < _LATE_NS:
            break
    return played


def _possible(pairs: tuple[str, ...], root: bool) -> list[Pair]:
    """The pairs that this machine can play; what it cannot is said once."""
    from tcpinspect.lab.namespaces import Namespace

    wanted = cast("list[Pair]", [pair for pair in _PAIRS if pair in pairs])
    if wanted == ["ours"]:
        return wanted
    try:
        Namespace(user=_user(root)).close()
    except LabError as error:
        complain(f"only endpoints of our own are compared: {error}")
        return [pair for pair in wanted if pair == "ours"]
    return wanted


class _Total:
    """The sum over all exchanges."""

    def __init__(self) -> None:
        self.agreed = self.compared = self.knowable = self.played = self.unexplained = self.unmet = 0
        self.reasons: Counter[str] = Counter()

    @property
    def bad(self) -> bool:
        """Something nobody can explain."""
        return bool(self.unexplained or self.unmet)

    def add(self, played: Played) -> Iterator[str]:
        """Count one exchange; its lines."""
        comparison = played.comparison()
        self.played += 1
        self.agreed += comparison.agreed
        self.compared += comparison.compared
        self.knowable += comparison.knowable
        self.unexplained += len(comparison.unexplained)
        self.unmet += len(played.failures)
        yield f"{played.scenario.name:<34} {played.ends:<12} {comparison.agreed:>3} of {comparison.compared}"
        for failure in played.failures:
            yield f"    not as expected: {failure}"
        for reason, count in Counter(_general(check.reason) for check in comparison.disagreements).items():
            self.reasons[reason] += count
            yield f"    {count} not: {reason}"
        for check in comparison.unexplained:
            yield f"    {check}"

    def lines(self) -> Iterator[str]:
        """The sum, and each reason with its number."""
        share = f" ({self.agreed / self.compared:.1%})" if self.compared else ""
        yield f"\n{self.played} exchanges: {self.agreed} of {self.compared} steps agree{share}"
        if self.knowable != self.compared:
            share = f" ({self.agreed / self.knowable:.1%})" if self.knowable else ""
            yield f"without the {self.compared - self.knowable} that no capture can tell: {self.agreed} of {self.knowable}{share}"
        for reason, count in self.reasons.most_common():
            yield f"{count:>5}  {reason}"


def _general(reason: str) -> str:
    """The reason without the numbers of its frames."""
    import re

    return re.sub(r"\bframes? \d+( and \d+)?", "a segment", reason) or "no known reason"
