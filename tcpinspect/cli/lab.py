"""lab: the catalogue of exchanges: list it, play one, hold the analysis against the truth. Floor 5."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import click

from tcpinspect.cli.drill import drill
from tcpinspect.cli.options import global_options, lang_option
from tcpinspect.cli.session import Session, complain, terminal_width
from tcpinspect.errors import LabError, UsageError

if TYPE_CHECKING:
    from tcpinspect.cli.lab_total import Total
    from tcpinspect.lab.kernel.witness import Witness
    from tcpinspect.lab.scenario import Played
    from tcpinspect.lab.script import Pair, Scenario

UNMET = 1  # everything ran, and something was not as the scenario says
_PAIRS = ("ours", "ours-kernel", "kernel-ours", "kernels")
_TRIES = 4
_LEAST_LESSON = 40  # characters

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
@click.option("--zh", is_flag=True, hidden=True, help="The same as --lang zh.")
@lang_option
@global_options
@click.pass_obj
def list_(session: Session, zh: bool, lang: str) -> None:
    """List the exchanges of the catalogue: the name, and what one learns.

    On a terminal a lesson goes on below itself; into a pipe each exchange is one line.
    """
    from tcpinspect.lab import catalogue
    from tcpinspect.report.folding import folded

    names, width = catalogue.names(), terminal_width()
    wide = max(map(len, names)) + 2
    # where there is little room beside the names, the lessons stand below them
    below = width is not None and width < wide + _LEAST_LESSON
    for name in names:
        scenario = catalogue.load(name)
        lesson = scenario.lesson_zh if (zh or lang == "zh") and scenario.lesson_zh else scenario.lesson
        if width is None:
            click.echo(f"{name:<{wide}}{lesson}")
            continue
        lines = (
            [name, *folded(f"    {lesson}", width, indent="    ")] if below else folded(f"{name:<{wide}}{lesson}", width, indent=" " * wide)
        )
        for line in lines:
            click.echo(line)


@lab.command(
    short_help="Play one exchange, both sides' states as it happens.",
    epilog="\b\nExamples:\n  tcpinspect lab run simultaneous-close\n"
    "  tcpinspect lab run simultaneous-close --ends kernels -o close.pcap\n"
    "  tcpinspect lab run two-way-handshake --picture two.png\n  tcpinspect lab run my-exchange.txt",
)
@click.argument("name", metavar="NAME|FILE")
@click.option("--ends", type=click.Choice(_PAIRS), help=f"{_ends_help} [default: the first that the scenario allows]")
@click.option("-o", "--output", "out", type=click.Path(), metavar="OUT", help="Write the capture: .pcap, else pcapng.")
@click.option("--picture", type=click.Path(), metavar="OUT", help="Draw the ladder of every connection: .png, .svg, .pdf.")
@click.option("--root", is_flag=True, help="Make the private networks as root instead of in a user namespace.")
@click.option("--text", "show_text", is_flag=True, help="Print the scenario's text instead of playing it.")
@global_options
@click.pass_obj
def run(session: Session, name: str, ends: str | None, out: str | None, picture: str | None, root: bool, show_text: bool) -> None:
    """Play an exchange of the catalogue, or of a file, and print it as a ladder while it happens.

    Where the scenario names another to compare it with, both are printed side by side. Ctrl-C ends it in order: what was captured
    until then is written. The exit code is 0 where all came as the scenario says, 1 where not.
    """
    from tcpinspect.lab import catalogue

    if show_text:
        click.echo(catalogue.text(name), nl=False)
        return
    if out == "-":
        raise UsageError("the story goes to stdout: give the capture a file, such as -o exchange.pcap")
    from tcpinspect.cli import lab_run

    lab_run.check_places(out, picture)
    scenario = catalogue.load(name)
    pair, user = cast("Pair", ends or scenario.pairs[0]), lab_run.in_user_namespace(root)
    other = catalogue.load(scenario.beside) if scenario.beside is not None else None
    if other is not None and pair not in other.pairs:
        lab_run.say(f'beside it, on endpoints of ours: "tcpinspect lab run {other.name}"')
        other = None
    with lab_run.signals_interrupt() as received:
        if other is None:
            played = beside = lab_run.told(session, scenario, pair, user)
        else:
            played, beside = lab_run.told_beside(session, scenario, other, pair, user)
        click.echo("")
        for one in dict.fromkeys((played, beside)):
            for line in lab_run.judged(one, named=other is not None):
                lab_run.say(line)
        if out is not None:
            lab_run.keep(session, played, out)
        else:
            lab_run.say(f"the capture ({len(played.wire.frames)} frames) is kept with -o {scenario.name}.pcap")
        if picture is not None:
            lab_run.draw(list(dict.fromkeys((played, beside))), picture)
    if played.interrupted or beside.interrupted:
        complain(f"interrupted after {(played.wire.now - played.wire.start_ns) / 1e9:.1f} s: nothing of the exchange is left running")
        raise click.exceptions.Exit(128 + received[0])
    if not (played.passed and beside.passed):
        raise click.exceptions.Exit(UNMET)


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

    The truth is our endpoint's own record, and a kernel's sockets read after every packet; for root the kernel's tracepoint is
    a second witness to them. Each disagreement is printed with its reason. The exit code is 1 where one has none, the witnesses
    contradict each other, or an exchange did not go as its text says.
    """
    from tcpinspect.cli.lab_run import in_user_namespace
    from tcpinspect.cli.lab_total import Total
    from tcpinspect.lab import catalogue

    scenarios = [catalogue.load(name) for name in names or catalogue.names()]
    pairs = _possible(ends or _PAIRS, root)
    total = Total(whole=not names)
    with ExitStack() as stack:
        second = _second_witness(stack, total) if pairs != ["ours"] else None
        try:
            for scenario, pair in ((one, pair) for one in scenarios for pair in pairs if pair in one.pairs):
                played = _in_time(scenario, pair, in_user_namespace(root), second)
                if played.spoilt:
                    click.echo(total.too_late(played))
                    continue
                for line in total.add(played, second):
                    click.echo(line)
        except KeyboardInterrupt:
            complain(f"interrupted after {total.played} exchanges")
            session.interrupted = True
    for line in total.lines():
        click.echo(line)
    if total.bad and not session.interrupted:
        raise click.exceptions.Exit(UNMET)


def _second_witness(stack: ExitStack, total: Total) -> Witness | None:
    """The tracepoint, where this machine opens it."""
    from tcpinspect.lab.kernel.witness import Witness

    try:
        return stack.enter_context(Witness())
    except LabError as error:
        total.alone = str(error)
        return None


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


def _in_time(scenario: Scenario, pair: Pair, user: bool | None, second: Witness | None) -> Played:
    """Play it; with kernels again where the machine was too busy to keep the scenario's times, and that shows."""
    from tcpinspect.lab.scenario import play

    for _ in range(_TRIES):
        addresses = second.fresh_addresses() if second is not None and pair != "ours" else None
        played = play(scenario, pair, user=user, addresses=addresses)
        if not played.spoilt:
            break
    return played


def _possible(pairs: tuple[str, ...], root: bool) -> list[Pair]:
    """The pairs that this machine can play; what it cannot is said once."""
    from tcpinspect.cli.lab_run import in_user_namespace
    from tcpinspect.lab.namespaces import Namespace

    wanted = cast("list[Pair]", [pair for pair in _PAIRS if pair in pairs])
    if wanted == ["ours"]:
        return wanted
    try:
        Namespace(user=in_user_namespace(root)).close()
    except LabError as error:
        complain(f"only endpoints of our own are compared: {error}")
        return [pair for pair in wanted if pair == "ours"]
    return wanted


# A packetdrill script is an exchange too: found here as well as by itself.
lab.add_command(drill)
