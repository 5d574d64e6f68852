"""summary: what is in this capture, on one screen (report.summary), or the same facts as JSON. Floor 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tcpinspect.cli.options import check_text_ending, file_argument, global_options
from tcpinspect.cli.session import Session, encoded, terminal_width, unicode_output

if TYPE_CHECKING:
    from tcpinspect.model.survey import Survey

_WORTH = 20  # connections named in JSON; the rest is counted
_WIDTH_ELSEWHERE = 80  # characters where stdout is no terminal


@click.command(
    short_help="What is in a capture, on one screen (the default).",
    epilog="\b\nExample:\n  tcpinspect summary office.pcap\n  tcpinspect office.pcap -T json",
)
@file_argument
@click.option("-T", "--format", "format", type=click.Choice(["text", "json"]),
              help="For people (the default) or for programs; .json at the end of OUT says json.")  # fmt: skip
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N",
              help="Processes that share the work; the result is the same. Default: one a core where the capture is large.",
              )  # fmt: skip
@global_options
@click.pass_obj
def summary(session: Session, files: tuple[str, ...], format: str | None, out: str | None, jobs: int | None) -> None:
    """Say what is in a capture, on one screen: times, packets, outcomes, and what is worth a look first."""
    session.check_output(out, files)
    if format is None:
        check_text_ending(out, ".json")
        format = "json" if (out or "").lower().endswith(".json") else "text"
    survey = session.survey(files, jobs=jobs)
    to_screen = out in (None, "-")
    with session.output(out, files) as target:
        if format == "json":
            import json

            target.write((json.dumps(collect(survey), indent=2) + "\n").encode("ascii"))
            return
        from tcpinspect.report.summary import summary_text

        unicode = unicode_output() or not to_screen
        width = (terminal_width() if to_screen else None) or _WIDTH_ELSEWHERE
        text = summary_text(survey, width=width, color=session.colored() if to_screen else False, unicode=unicode)
        target.write(encoded(text, unicode=unicode))


def collect(survey: Survey) -> dict[str, Any]:
    """The facts of the summary as plain values (times in ns); what `-T json` prints."""
    from tcpinspect.insight.findings import capture_findings
    from tcpinspect.report.overview import counted_outcomes

    capture, digest = survey.capture, survey.digest
    worth, named = digest.worth, digest.rows
    duration = None if capture.first_ns is None or capture.last_ns is None else capture.last_ns - capture.first_ns
    return {
        "name": survey.name,
        "format": capture.format,
        "link_types": list(capture.link_types),
        "packets": capture.packets,
        "bytes": capture.bytes,
        "first_ns": capture.first_ns,
        "last_ns": capture.last_ns,
        "duration_ns": duration,
        "segments": capture.segments,
        "not_tcp": dict(sorted(capture.not_tcp.items(), key=lambda item: (-item[1], item[0]))),
        "snaplen_cut": capture.snaplen_cut,
        "drops": capture.drops,
        "untimed": capture.untimed,
        "warnings": list(capture.warnings),
        "connections": digest.connections,
        "late_segments": survey.late_segments,
        "outcomes": [
            {"outcome": one.words, "connections": one.number, "tone": one.tone, "conn_states": one.conn_states.split()}
            for one in counted_outcomes((sort.row, sort.number) for sort in digest.sorts)
        ],
        "conn_states": dict(digest.counts("conn_state").most_common()),
        "handshakes": dict(digest.counts("handshake").most_common()),
        "teardowns": dict(digest.counts("teardown").most_common()),
        "client_retransmissions": sum(sort.client_retransmissions for sort in digest.sorts),
        "server_retransmissions": sum(sort.server_retransmissions for sort in digest.sorts),
        "worth_a_look": [
            {"stream": one.stream, "client": _end(named[one.stream], "client"), "server": _end(named[one.stream], "server"),
             "conn_state": named[one.stream].conn_state, "reasons": list(one.reasons)}
            for one in worth.first[:_WORTH]
        ],
        "worth_a_look_more": max(0, worth.total - min(_WORTH, len(worth.first))),
        "findings": [
            {"id": row.id, "severity": row.severity, "count": row.count, "text": row.text}
            for row in [*capture_findings(survey.diagnoses), *digest.crowd_findings()]
        ],
    }  # fmt: skip


def _end(row: Any, role: str) -> str:
    from tcpinspect.model.address import endpoint_text

    return endpoint_text(getattr(row, role), getattr(row, f"{role}_port"))
