"""How many packets are lost at a rate: tcpinspect, tcpdump and dumpcap on the same traffic, one after another.

`python tests/benchmarks/capture_rate.py [--rate 200000] [--seconds 10] [--buffer 32] [--pause 0]` in a private network namespace
with a veth pair, which it makes for itself (root, or a system that allows user namespaces). Prints one line a tool and round.
With `--pause` the tool is stopped for so many seconds in the middle: then it must lose packets, and shows whether it counts them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cable import cpu_seconds, enter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def tools(path: str, buffer: int) -> dict[str, list[str]]:
    """The commands to compare; each writes what comes in at `right`."""
    return {
        "tcpinspect": [sys.executable, "-m", "tcpinspect", "capture", "-i", "right", "-B", str(buffer), "-w", path],
        "tcpdump": ["tcpdump", "-i", "right", "-B", str(buffer * 1024), "-Z", "root", "-w", path],
        "dumpcap": ["dumpcap", "-q", "-i", "right", "-B", str(buffer), "-w", path],
    }


def measure(command: list[str], path: str, rate: int, seconds: float, pause: float) -> dict[str, object]:
    """One tool, one burst: what was sent, what is in the file, and what the tool says it lost."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    tool = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)
    time.sleep(2)
    before = cpu_seconds(tool.pid)
    sender = subprocess.Popen([sys.executable, HERE / "sender.py", "left", str(rate), str(seconds), "data"], stdout=subprocess.PIPE)
    if pause:
        time.sleep(max(0.0, seconds - pause) / 2)
        tool.send_signal(signal.SIGSTOP)
        time.sleep(pause)
        tool.send_signal(signal.SIGCONT)
    sent = json.loads(sender.communicate()[0])
    time.sleep(1.5)  # tcpdump hands on a block that does not fill after a second
    busy = cpu_seconds(tool.pid) - before
    tool.send_signal(signal.SIGINT)
    said = tool.communicate(timeout=60)[1]
    counted = subprocess.check_output(["capinfos", "-Mrc", path], text=True)
    packets = re.search(r"Number of packets:\s*(\d+)", counted)
    written = int(packets[1]) if packets else 0
    found = re.search(r"([\d,]+) (?:packets )?dropped by (?:the )?kernel", said) or re.search(r"received/dropped.*?: \d+/(\d+)", said)
    lost, dropped = sent["sent"] - written, int(found[1].replace(",", "")) if found else None
    return {
        **sent, "written": written, "lost": lost, "says_dropped": dropped, "exact": lost == dropped,
        "cpu_s_per_million": round(busy / max(1, written) * 1e6, 3), "said": said.strip().splitlines()[-1] if said.strip() else "",
    }  # fmt: skip


def main() -> None:
    """Make the namespace, then let each tool have its turn, in rounds, so that a noisy moment hits no single one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--buffer", type=int, default=32, help="MiB")
    parser.add_argument("--pause", type=float, default=0, help="seconds")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append")
    chosen = parser.parse_args()
    enter()
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(chosen.rounds):
            for name in tools("", 0):
                if not chosen.only or name in chosen.only:
                    path = f"{directory}/{name}.pcap"
                    found = measure(tools(path, chosen.buffer)[name], path, chosen.rate, chosen.seconds, chosen.pause)
                    print(json.dumps({"tool": name, **found}), flush=True)
                    os.unlink(path)


if __name__ == "__main__":
    main()
