"""completion: the shell's part of completing commands, options, columns and files. Floor 5."""

from __future__ import annotations

import click

from tcpinspect.cli.options import global_options
from tcpinspect.cli.session import Session


@click.command(short_help="Completion for bash, zsh or fish.",
               epilog="\b\nExamples:\n  eval \"$(tcpinspect completion bash)\"          in ~/.bashrc\n"
                      "  eval \"$(tcpinspect completion zsh)\"           in ~/.zshrc\n"
                      "  tcpinspect completion fish > ~/.config/fish/completions/tcpinspect.fish")  # fmt: skip
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@global_options
@click.pass_obj
def completion(session: Session, shell: str) -> None:
    """Print what makes the shell complete tcpinspect's words."""
    from click.shell_completion import BashComplete, ShellComplete, get_completion_class

    from tcpinspect.cli.app import COMPLETION_VARIABLE, PROGRAM, cli

    found = get_completion_class(shell)
    assert found is not None
    maker = found(cli, {}, PROGRAM, COMPLETION_VARIABLE)
    # the Bash class would start bash to ask for its version; the text is the same for all that complete at all
    source = ShellComplete.source(maker) if isinstance(maker, BashComplete) else maker.source()
    with session.output(None) as target:
        target.write((source.rstrip("\n") + "\n").encode())
