"""The group of commands: finds them, loads each when it is called, and turns every ending into an exit code. Floor 5.

`tcpinspect FILE` means `tcpinspect summary FILE`: the first word that is no option and no command is a capture.
Errors are one line on stderr, `tcpinspect: what, where, what to do`, and exit code 2; never a traceback. With
TCPINSPECT_DEBUG=1 in the environment an unexpected error shows its traceback too.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from tcpinspect.cli.options import global_options
from tcpinspect.cli.session import Session, failed, write_failed
from tcpinspect.errors import TcpinspectError

COMMANDS: dict[str, str] = {
    "summary": "tcpinspect.cli.summary:summary",
    "connections": "tcpinspect.cli.tables:connections",
    "segments": "tcpinspect.cli.tables:segments",
    "timeline": "tcpinspect.cli.tables:timeline",
    "findings": "tcpinspect.cli.tables:findings",
    "doctor": "tcpinspect.cli.doctor:doctor",
    "show": "tcpinspect.cli.show:show",
    "why": "tcpinspect.cli.why:why",
    "plot": "tcpinspect.cli.plot:plot",
    "report": "tcpinspect.cli.report:report",
    "decode": "tcpinspect.cli.decode:decode",
    "craft": "tcpinspect.cli.craft:craft",
    "export": "tcpinspect.cli.export:export",
    "drill": "tcpinspect.cli.drill:drill",
    "lab": "tcpinspect.cli.lab:lab",
    "states": "tcpinspect.cli.states:states",
    "capture": "tcpinspect.cli.capture:capture",
    "watch": "tcpinspect.cli.watch:watch",
    "completion": "tcpinspect.cli.completion:completion",
}
PROGRAM = "tcpinspect"
COMPLETION_VARIABLE = "_TCPINSPECT_COMPLETE"
# tcpdump's and tshark's letters for packets, where no command is named: who uses them wants a table, not the summary.
_TABLE_OPTIONS = {
    "-Y": "-Y 'retransmission'", "--filter": "-Y 'retransmission'", "-c": "-c 10", "--count": "-c 10", "-e": "-e frame -e flags",
    "--field": "-e frame -e flags", "-t": "-t ad", "--time": "-t ad", "--stream": "--stream 0",
}  # fmt: skip

EXAMPLES = """\b
Examples:
  tcpinspect office.pcap                       what is in this capture
  tcpinspect connections office.pcap           a line for every connection
  tcpinspect show office.pcap --stream 3       one connection as a ladder with both sides' states
  tcpinspect segments office.pcap -Y 'retransmission and payload_len > 0'
  tcpinspect timeline office.pcap -T ndjson    every change of state, for scripts
  tcpinspect report office.pcap -o office.html one page for a browser
  tcpinspect connections day-*.pcap.gz         rotated files as one capture
  tcpdump -i eth0 -w - tcp | tcpinspect -      from a pipe
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_command(with_value(args)))


def with_value(args: Sequence[str]) -> list[str]:
    """The words with `--follow` as `--follow=inf`: its value is optional, so the word behind it is never its value."""
    words = list(args)
    end = words.index("--") if "--" in words else len(words)
    return [*("--follow=inf" if word == "--follow" else word for word in words[:end]), *words[end:]]


def with_command(args: Sequence[str]) -> list[str]:
    """The words with `summary` before the first that is no option of the whole program, unless that is a command."""
    words = list(args)
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("--strict", "-q", "--quiet") or word.startswith("--color="):
            at += 1
        elif word == "--color":
            at += 2
        else:
            break
    if at >= len(words):
        return words
    word = words[at]
    if word == "help" and not os.path.exists(word):
        return [*words[:at], *[name for name in words[at + 1 : at + 2] if name in COMMANDS], "--help"]
    if word in COMMANDS or word in ("--help", "-h", "--version"):
        return words
    if not word.startswith("-") and not os.path.exists(word) and os.sep not in word:
        import difflib

        near = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.7)
        if near:
            raise click.UsageError(f'"{word}" is no command and no file; did you mean {near[0]}?')
    return [*words[:at], "summary", *words[at:]]


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from tcpinspect.cli import version_line

        click.echo(version_line())
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXAMPLES,
    subcommand_metavar="FILE... | COMMAND [ARGS]...",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version and exit.")
@global_options
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Tell what both ends of every TCP connection in a capture did, state by state, as RFC 9293 names it.

    FILE is a capture (pcap or pcapng, also compressed); "-" is standard input; several are read as one, in order of their
    first packets and merged by time where they overlap. Without a command it is summarised.

    Exit code: 0 done, 1 a check failed, 2 a wrong call or unreadable input, 130 interrupted.
    """
    if ctx.invoked_subcommand is None:
        raise click.UsageError("which capture? For example: tcpinspect office.pcap")


def run(arguments: Sequence[str]) -> int:
    """Run the command and give its exit code. Everything that can end a run ends here."""
    session = Session()
    try:
        instruction = os.environ.get(COMPLETION_VARIABLE)
        if instruction:
            from click.shell_completion import shell_complete

            return shell_complete(cli, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
        with cli.make_context(PROGRAM, list(arguments), obj=session) as ctx:
            cli.invoke(ctx)
        sys.stdout.flush()
        return session.exit_code()
    except click.exceptions.Exit as end:
        return _flushed(end.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return session.broken_off()
    except click.ClickException as error:
        return failed(_usage(error))
    except TcpinspectError as error:
        return failed(str(error))
    except OSError as error:
        return write_failed(error)
    except MemoryError:
        return failed("not enough memory for this capture: cut it into pieces, for example with editcap -c")
    except Exception as error:  # the promise is one line, whatever happens
        if os.environ.get("TCPINSPECT_DEBUG"):
            import traceback

            traceback.print_exc()
        return failed(f"internal error, please report it: {type(error).__name__}: {error}")


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except OSError as error:
        return write_failed(error)
    return code


def _usage(error: click.ClickException) -> str:
    """A wrong call on one line: the command it was about, the fault, where help is."""
    group = _group_alone(error)
    if group is not None:
        return group
    if isinstance(error, click.NoSuchOption) and error.ctx is not None and error.ctx.info_name == "summary":
        where = _TABLE_OPTIONS.get(error.option_name)
        if where:
            return f'summary has no {error.option_name}: the tables have, as in "{PROGRAM} segments FILE {where}"'
    # A choice that is missing is told on lines of its own.
    text = " ".join(error.format_message().split()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else PROGRAM
    command = path.removeprefix(PROGRAM).strip()
    text = text[:1].lower() + text[1:]
    return f'{command + ": " if command else ""}{text} (see "{path} --help")'


def _group_alone(error: click.ClickException) -> str | None:
    """What to say where a group of commands was called with nothing behind it; None for another fault. Click would show its whole help."""
    if not isinstance(error, click.exceptions.NoArgsIsHelpError) or error.ctx is None or not isinstance(error.ctx.command, click.Group):
        return None
    path = error.ctx.command_path
    names = ", ".join(error.ctx.command.list_commands(error.ctx))
    return f'{path.removeprefix(PROGRAM).strip()}: which one? There are {names} (see "{path} --help")'
