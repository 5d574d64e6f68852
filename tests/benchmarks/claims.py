"""The claims that are not about other tools: two cores against one, small captures, full payload, compressed captures.

Each is some jobs, measured in turn like all others, and what is made of their figures. Used by `bench.py`.
"""

from __future__ import annotations

import gzip
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = [sys.executable, "-m", "tcpinspect"]
SMALL, TINY = 100_000, 10
# The fastest well-kept libraries, alone.
INFLATE = {
    "gz": "import sys\nfrom zlib_ng import gzip_ng as g\nf = g.open(sys.argv[1])\nwhile f.read(1 << 20): pass",
    "zst": "import sys, zstandard\nf = zstandard.ZstdDecompressor().stream_reader(open(sys.argv[1], 'rb'))\nwhile f.read(1 << 20): pass",
}


@dataclass
class Job:
    """As bench.Job."""

    name: str
    command: list[str]
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)


@dataclass
class Claim:
    """A row: what is measured, what is asked, and one figure a round from the rounds of its jobs."""

    what: str
    asked: str
    jobs: list[Job]
    figure: Callable[..., float]
    unit: str = "×"

    def values(self) -> list[float]:
        """A figure a round."""
        return [self.figure(*(Round(job, n) for job in self.jobs)) for n in range(len(self.jobs[0].cpu))]


class Round:
    """What one job took in one round."""

    def __init__(self, job: Job, number: int) -> None:
        self.cpu, self.wall = job.cpu[number], job.wall[number]


def claims(capture: Path, scratch: Path, *, full: int) -> list[Claim]:
    """The rows that can be measured here; captures are made in `scratch`."""
    found = []
    if len(os.sched_getaffinity(0)) > 1:
        two, one = summary(capture, "--jobs", "2"), summary(capture, "--jobs", "1")
        found.append(Claim("`summary`, wall time on two cores against one", "0.7, better 0.6", [two, one], lambda a, b: a.wall / b.wall))
        found.append(Claim("… and the CPU it costs", "", [two, one], lambda a, b: a.cpu / b.cpu))
    for packets, command, asked in ((SMALL, "summary", "0.30, better 0.15"), (TINY, "connections", "0.20, better 0.12")):
        small = traffic(scratch / f"{packets}.pcap", packets)
        job = Job(f"{command} of {packets:,} packets", [*OURS, command, str(small)])
        found.append(Claim(f"`{command}` of {packets:,} packets, whole process", asked, [job], lambda a: a.cpu, "CPU-s"))
    for ending in compressed(capture, scratch):
        packed = scratch / f"packed.{ending}"
        bare = Job(f"bare .{ending}", [sys.executable, "-c", INFLATE[ending], str(packed)])
        plain, whole = summary(capture, "--jobs", "1"), summary(packed)
        found.append(Claim(f"`.pcap.{ending}`, against the same uncompressed and its bare decompression", "1.2, better 1.05",
                           [whole, plain, bare], lambda a, b, c: a.cpu / (b.cpu + c.cpu)))  # fmt: skip
    if full and bulk(scratch / "full.pcap", full):
        path = scratch / "full.pcap"
        found.append(Claim(f"{path.stat().st_size / 1e6:,.0f} MB of full payload, against `cat FILE >/dev/null`", "4, better 2",
                           [summary(path, "--jobs", "1"), Job("cat", ["cat", str(path)])], lambda a, b: a.cpu / b.cpu))  # fmt: skip
    return found


def summary(path: Path, *options: str) -> Job:
    return Job(f"summary {' '.join(options)} {path.name}", [*OURS, "summary", *options, str(path)])


def traffic(path: Path, packets: int) -> Path:
    subprocess.run([sys.executable, str(HERE / "traffic.py"), str(path), str(packets)], check=True)
    return path


def compressed(capture: Path, scratch: Path) -> list[str]:
    """The capture compressed, as far as the libraries are here; the endings."""
    made = []
    try:
        import zlib_ng  # noqa: F401

        with capture.open("rb") as source, gzip.open(scratch / "packed.gz", "wb", 6) as out:
            shutil.copyfileobj(source, out, 1 << 20)
        made.append("gz")
    except ImportError:
        pass
    try:
        import zstandard

        with capture.open("rb") as source, (scratch / "packed.zst").open("wb") as out:
            zstandard.ZstdCompressor().copy_stream(source, out)
        made.append("zst")
    except ImportError:
        pass
    return made


def bulk(path: Path, megabytes: int) -> bool:
    """A capture with full payload; False where namespaces or tcpdump are missing."""
    if not shutil.which("tcpdump") or not shutil.which("ip"):
        return False
    done = subprocess.run([sys.executable, str(HERE / "bulk.py"), str(path), str(megabytes)], capture_output=True)
    return done.returncode == 0 and path.exists()


def table(found: list[Claim]) -> str:
    """The rows in Markdown."""
    lines = [["what", "measured", "goal, at most"], ["---", "---:", "---:"]]
    for claim in found:
        values = claim.values()
        middle = statistics.median(values)
        lines.append([claim.what, f"{middle:.2f} {claim.unit} ({min(values):.2f}–{max(values):.2f})", claim.asked or "–"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
