"""How fast is tcpinspect beside the C tools: CPU time and memory of whole processes, in turn on the same capture.

    python tests/benchmarks/bench.py [--packets 100k|1M|5M] [--capture FILE] [--runs N] [--slow] [--readme]

The captures of the second table (small, compressed, with full payload) are made here too; it has one row a claim of its own.
Without --capture a realistic one is made (`traffic.py`) and thrown away. Every round runs each job once, so that a noisy
machine disturbs all alike; ratios are taken within a round, and printed as median and spread. Tools that are missing are left
out; tshark, and the segments as text, run on up to a million packets only, or with --slow. --readme writes the table into the README.
"""

from __future__ import annotations

import argparse
import compileall
import importlib.util
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MARKS = ("<!-- how-fast -->", "<!-- /how-fast -->")
SLOW_UP_TO = 1_100_000  # packets; a slow job on more takes minutes and tells nothing new
SIZES = {"k": 1_000, "M": 1_000_000}
FRAMES = "import sys, tcpinspect as ti; a = ti.analyze(sys.argv[1]); a.frame('segments'); a.frame('connections')"
EVERY = "import sys, tcpinspect as ti; a = ti.analyze(sys.argv[1]); a.frame('segments').isna(); a.frame('connections').isna()"
NFSTREAM = "import sys, nfstream; print(sum(1 for _ in nfstream.NFStreamer(source=sys.argv[1])))"
COUNT = "import sys, tcpinspect as ti; print(ti.analyze(sys.argv[1], segments=False).capture.packets)"


@dataclass
class Job:
    """One command and what its runs took, a figure a round: CPU seconds (user and system) and peak resident MiB."""

    name: str
    command: list[str]
    slow: bool = False
    peer: bool = False
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)


def jobs(capture: Path, packets: int, *, slow: bool = False) -> list[Job]:
    """The jobs that can run here, ours first; `slow`: also those that take minutes."""
    ours = [sys.executable, "-m", "tcpinspect"]
    file = str(capture)
    found = [
        Job("`tcpinspect summary --jobs 1`", [*ours, "summary", "--jobs", "1", file]),
        Job("`tcpinspect connections -T ndjson`", [*ours, "connections", file, "-T", "ndjson"]),
        Job("`tcpinspect segments -T ndjson`", [*ours, "segments", file, "-T", "ndjson"], slow=True),
        Job("segments and connections as pandas frames", [sys.executable, "-c", FRAMES, file]),
        Job("… and every column of both looked at", [sys.executable, "-c", EVERY, file]),
        Job("`tcptrace -n`", ["tcptrace", "-n", file], peer=True),
        Job("`tcptrace -lrn`", ["tcptrace", "-lrn", file], peer=True),
        Job("`tshark -q -z conv,tcp`", ["tshark", "-n", "-q", "-z", "conv,tcp", "-r", file], slow=True, peer=True),
        Job("`argus`", ["argus", "-r", file, "-w", os.devnull], peer=True),
    ]
    if importlib.util.find_spec("nfstream"):
        found.append(Job("nfstream", [sys.executable, "-c", NFSTREAM, file], slow=True, peer=True))
    return [job for job in found if (not job.peer or shutil.which(job.command[0])) and (not job.slow or slow or packets <= SLOW_UP_TO)]


def measure(job: Job, scratch: Path) -> None:
    """Run the job once, in `scratch` because tcptrace may leave files. Raises SystemExit when it fails.

    The peak that the kernel reports begins with the memory of whoever forks: this process stays small, and leaves numpy to others.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))}
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(scratch)
            null = os.open(os.devnull, os.O_RDWR)
            errors = os.open(scratch / "errors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(null, 0)
            os.dup2(null, 1)
            os.dup2(errors, 2)
            os.execvpe(job.command[0], job.command, environment)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)  # with the children that it waited for
    if status:
        raise SystemExit(f"{' '.join(job.command)} failed: {(scratch / 'errors').read_text(errors='replace')[-500:]}")
    job.wall.append(time.monotonic() - begun)
    job.cpu.append(usage.ru_utime + usage.ru_stime)
    job.peak.append(usage.ru_maxrss / 1024)


def run(found: list[Job], rounds: int) -> None:
    """All jobs in turn, `rounds` times; what is going on, on stderr."""
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(rounds):
            for job in found:
                print(f"\rround {number + 1} of {rounds}: {job.name:<50}", end="", file=sys.stderr, flush=True)
                measure(job, Path(scratch))
    print("\r" + " " * 78 + "\r", end="", file=sys.stderr, flush=True)


def table(found: list[Job], packets: int) -> str:
    """The figures in Markdown: a row a job, a column a peer with how many times fewer CPU-seconds than it."""
    peers = [job for job in found if job.peer]
    heads = ["job", "packets per CPU-second", "CPU-seconds", "peak MiB", *(f"fewer than {peer.name}" for peer in peers)]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for job in found:
        ratios = ["–" if job.peer else ratio(peer.cpu, job.cpu) for peer in peers]
        middle = statistics.median(job.cpu)
        lines.append([job.name, rate(packets / middle), f"{middle:.2f}", f"{max(job.peak):,.0f}", *ratios])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratio(theirs: list[float], ours: list[float]) -> str:
    """Median, least and greatest of the ratios of each round."""
    each = [a / b for a, b in zip(theirs, ours, strict=True)]
    return f"{statistics.median(each):.2f} × ({min(each):.2f}–{max(each):.2f})"


def rate(value: float) -> str:
    return f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value / 1e3:.0f} k"


def machine() -> str:
    """What the figures were measured on, in a line."""
    model = platform.machine()
    try:
        names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"


def report(found: list[Job], packets: int, octets: int, rounds: int) -> str:
    compiled = "compiled" if engine_compiled() else "uncompiled"
    said = (
        f"{packets:,} packets ({octets / 1e6:,.0f} MB), {rounds} interleaved rounds, whole processes, user and system CPU; "
        f"engine {compiled}; {machine()}; {date.today().isoformat()}."
    )
    return f"{said}\n\n{table(found, packets)}\n\nRatios: median of the rounds (least–greatest); more than 1 means tcpinspect needs less."


def engine_compiled() -> bool:
    sys.path.insert(0, str(ROOT))
    spec = importlib.util.find_spec("tcpinspect.engine.track")
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")


def write_readme(text: str, readme: Path) -> None:
    """Replace what stands between the marks. Raises SystemExit when they are missing."""
    whole = readme.read_text(encoding="utf-8")
    before, first, rest = whole.partition(MARKS[0])
    _, last, after = rest.partition(MARKS[1])
    if not first or not last:
        raise SystemExit(f"{readme} lacks the marks {MARKS[0]} and {MARKS[1]}: put them where the table belongs")
    readme.write_text(f"{before}{first}\n{text}\n{last}{after}", encoding="utf-8")


def size(text: str) -> int:
    """100k, 1M, 5M or a plain number."""
    try:
        value = int(float(text[:-1]) * SIZES[text[-1:]]) if text[-1:] in SIZES else int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of packets: 100k, 1M, 5M")
    return value


def positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rounds: 1 or more")
    return int(text)


def load_claims() -> Any:
    """The module beside this one, which is no package."""
    if "benchmark_claims" not in sys.modules:
        spec = importlib.util.spec_from_file_location("benchmark_claims", Path(__file__).with_name("claims.py"))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return sys.modules["benchmark_claims"]


def count_packets(capture: Path) -> int:
    """How many packets a capture has, asked in a process of its own: see `measure`."""
    command = [sys.executable, "-c", COUNT, str(capture)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"cannot read {capture}: {done.stderr.strip().splitlines()[-1]}")
    return int(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=size, default=size("1M"), help="size of the capture that is made: 100k, 1M (default), 5M")
    parser.add_argument("--capture", type=Path, help="measure on this capture instead; tcptrace reads pcap only")
    parser.add_argument("--runs", type=positive, default=5, help="rounds (default 5)")
    parser.add_argument("--full", type=int, default=1000, metavar="MB", help="the capture with full payload; 0: none (default 1000)")
    parser.add_argument("--slow", action="store_true", help="run tshark, and the segments as text, on more than a million packets, too")
    parser.add_argument("--readme", action="store_true", help="write the table between the marks of README.md")
    args = parser.parse_args()
    # As an installation has it, even where the environment forbids Python to write bytecode.
    compileall.compile_dir(ROOT / "tcpinspect", quiet=2)
    with tempfile.TemporaryDirectory() as scratch:
        capture = args.capture.resolve() if args.capture else Path(scratch) / "bench.pcap"
        if args.capture:
            if not capture.is_file():
                parser.error(f"no file {capture}")
            packets = count_packets(capture)
        else:
            packets = args.packets
            subprocess.run([sys.executable, str(Path(__file__).with_name("traffic.py")), str(capture), str(packets)], check=True)
        found = jobs(capture, packets, slow=args.slow)
        run(found, args.runs)
        text = report(found, packets, capture.stat().st_size, args.runs)
        claims = load_claims().claims(capture, Path(scratch), full=args.full)
        run(list({id(job): job for claim in claims for job in claim.jobs}.values()), args.runs)
        text += "\n\n" + load_claims().table(claims)
    print(text)
    if args.readme:
        write_readme(text, ROOT / "README.md")


if __name__ == "__main__":
    main()
