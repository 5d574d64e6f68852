"""Options that several commands share, and how they reach the session. Floor 5."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tcpinspect.cli.session import Session
from tcpinspect.errors import UsageError

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis
    from tcpinspect.model.connection import Connection

F = TypeVar("F", bound=Callable[..., Any])


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store an option of the whole program; given before or behind the command it means the same."""
    session = ctx.ensure_object(Session)
    if parameter.name is not None and value is not None and value is not False:
        setattr(session, parameter.name, value)


def global_options(function: F) -> F:
    """--strict, -q, --color."""
    for option in (
        click.option("--color", type=click.Choice(["auto", "always", "never"]), callback=_keep, expose_value=False,
                     help="Colours (the four tables have none): auto (a terminal, and NO_COLOR unset), always, never."),
        click.option("-q", "--quiet", is_flag=True, callback=_keep, expose_value=False, help="No warnings and no progress on stderr."),
        click.option("--strict", is_flag=True, callback=_keep, expose_value=False,
                     help="Exit with 2 when the capture is damaged, after printing what could be read."),
    ):  # fmt: skip
        function = option(function)
    return function


def lang_option(function: F) -> F:
    """--lang, for remarks that people read; the RFC's names are the same in any."""
    return click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of the remarks.")(
        function
    )


def file_argument(function: F) -> F:
    """FILE..., or -r FILE as with tcpdump and tshark, and --follow. The command receives them as `files`."""

    def resolve(ctx: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
        # -r is eager, so it has been seen when the argument is processed
        by_option: tuple[str, ...] = ctx.meta.get("tcpinspect.read", ())
        if value and by_option:
            raise click.UsageError(f'captures both with -r ("{by_option[0]}") and without ("{value[0]}"): give them one way', ctx)
        chosen = value or by_option
        if not chosen and not ctx.resilient_parsing:
            raise click.UsageError("a capture file is missing", ctx)
        _no_capture_filter(chosen, ctx)
        if chosen.count("-") > 1:
            raise click.UsageError('standard input can be read once: give "-" once', ctx)
        return chosen

    def read(ctx: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
        if value:
            ctx.meta["tcpinspect.read"] = value

    path = click.Path(allow_dash=True, readable=False)  # whether it can be read, reading it tells, and why
    function = click.option("-r", "read", type=path, metavar="FILE", multiple=True, is_eager=True, expose_value=False, callback=read,
                            help="The capture, as with tcpdump and tshark (repeatable).")(function)  # fmt: skip
    function = click.option("-n", "numeric", is_flag=True, expose_value=False,
                            help="Accepted for habit: names are never looked up.")(function)  # fmt: skip
    function = click.option("--follow", type=click.FloatRange(min=0), metavar="[=SECONDS]", expose_value=False, callback=_keep,
                            help="Wait for more at the end of a file that is still written, until Ctrl-C or so many quiet seconds.",
                            )(function)  # fmt: skip
    return click.argument("files", type=path, nargs=-1, metavar="FILE...", callback=resolve)(function)


# Words that begin a capture filter in the syntax of pcap-filter(7), as tcpdump takes it behind its options.
_PCAP_FILTER = {"tcp", "ip", "ip6", "host", "net", "port", "portrange", "src", "dst", "not", "and", "or", "less", "greater"}


def _no_capture_filter(files: tuple[str, ...], ctx: click.Context) -> None:
    """Complain of words that are no captures but a capture filter."""
    import os

    for at, word in enumerate(files):
        if word in _PCAP_FILTER and not os.path.exists(word):
            said = " ".join(files[at:])
            raise click.UsageError(f'"{said}" is a filter for capturing: of a file -Y chooses rows, as in -Y "tcp.port == 80"', ctx)


def stream_option(function: F) -> F:
    """--stream N: one connection; a capture with a single one needs no number."""
    return click.option("--stream", type=click.IntRange(min=0), metavar="N",
                        help="Number of the connection, from 0; not needed where the capture has only one.")(function)  # fmt: skip


def the_connection(analysis: Analysis, stream: int | None) -> Connection:
    """The connection with this number, without one the only connection. Raises UsageError where there are several."""
    count = len(analysis.connections)
    if stream is None and count > 1:
        raise UsageError(
            f"{analysis.given} has {count} connections: choose one with --stream N, 0–{count - 1}; "
            f'list them with "tcpinspect connections {analysis.given}"'
        )
    return analysis.connections[stream or 0]


def check_text_ending(out: str | None, *known: str) -> None:
    """Refuse an output whose ending promises what this command does not write; `known` are endings besides those of text."""
    ending = os.path.splitext(out or "")[1].lower()
    if ending not in ("", ".txt", ".text", ".log", *known):
        raise UsageError(f"{out}: this command writes text, not {ending}: use {', '.join(('.txt', *known))} or no ending")
