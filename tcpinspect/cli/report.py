"""report: one self-contained page about a capture, or the same as Markdown. Floor 5."""

from __future__ import annotations

import os

import click

from tcpinspect.cli.options import file_argument, global_options
from tcpinspect.cli.session import Session
from tcpinspect.errors import UsageError

_FORMATS = {".html": "html", ".htm": "html", ".md": "md", ".markdown": "md"}


@click.command(
    short_help="One page about the capture: HTML or Markdown.",
    epilog="\b\nExamples:\n  tcpinspect report office.pcap -o office.html\n"
    "  tcpinspect report office.pcap -o office.md\n"
    "  tcpinspect report office.pcap -o office.zh.html --lang zh",
)
@file_argument
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), required=True, metavar="OUT",
              help="The page to write: .html or .md; \"-\" for stdout.")  # fmt: skip
@click.option("-T", "--format", "format", type=click.Choice(["html", "md"]), help="Default: by the ending of OUT.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="The page's language; default: by $LANG. Markdown is English.")
@global_options
@click.pass_obj
def report(session: Session, files: tuple[str, ...], out: str, format: str | None, lang: str | None) -> None:
    """Write a report: overview, connections, and for each that is interesting its story, ladders, states and findings.

    The HTML page is one file that loads nothing: arrows answer to pointer and keyboard with the segment's header and why it
    was sent, the table of connections is sorted and filtered, and #stream=7 or #frame=123 after its name leads there.
    """
    chosen = format or ("html" if out == "-" else _FORMATS.get(os.path.splitext(out)[1].lower()))
    if chosen is None:
        raise UsageError(f"{out} ends neither in .html nor in .md: rename it, or say -T html or -T md")
    if out != "-":
        session.check_output(out, files)
    analysis = session.analyze(files)
    if chosen == "html":
        from tcpinspect.report.html import html_report

        text = html_report(analysis, lang=lang or _preferred())
    else:
        if lang not in (None, "en"):
            raise UsageError(f"a report as Markdown is written in English: leave out --lang {lang}, or write HTML")
        from tcpinspect.report.markdown import markdown_report

        text = markdown_report(analysis)
    with session.output(out, files) as target:
        target.write(text.encode("utf-8", "backslashreplace"))


def _preferred() -> str:
    """The language of the environment, as gettext finds it (LC_ALL before LC_MESSAGES before LANG); English where there is no other."""
    chosen = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"
