"""A capture of any size in memory that grows only with the connections alive: numbers and examples, no tables. Floor 3."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from tcpinspect.capture.source import Input
from tcpinspect.engine.classes import Classes
from tcpinspect.engine.jobs import survey_run
from tcpinspect.engine.run import Progress, Result
from tcpinspect.insight.doctor import Diagnosis
from tcpinspect.model.analysis import Capture
from tcpinspect.model.digest import Digest


class Survey:
    """What a summary needs of one capture."""

    def __init__(self, result: Result, classes: Classes) -> None:
        self.name = result.name  # for people
        self.given = result.given  # for commands that they may type
        self.files = result.files
        self.interrupted = result.interrupted
        self.capture = Capture.of(result)
        # Segments of connections that had left the table (engine.alive.LIMITS); no row and no figure has them.
        self.late_segments = result.late_segments
        self.digest = Digest(classes, result.last_ns or 0)

    @cached_property
    def diagnoses(self) -> list[Diagnosis]:
        """What is wrong with the capture itself; empty for a healthy one."""
        return self.digest.diagnoses(self.capture)


def survey(
    where: Input | Sequence[Input], *, jobs: int | None = None, progress: Progress | None = None, follow: float | None = None
) -> Survey:
    """Analyse a capture as `analyze` does, and keep only what a summary needs. `jobs`: processes, None as it pays; what comes out
    does not hang on their number. Raises CaptureError when nothing can be read."""
    return Survey(*survey_run(where, jobs=jobs, progress=progress, follow=follow))
