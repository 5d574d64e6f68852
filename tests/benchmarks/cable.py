"""What the live benchmarks share: a private network with a cable from `left` to `right`, and what a process has used.

Beside the package; imported by the scripts of this directory, which Python finds beside them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_INSIDE = "TCPINSPECT_BENCHMARK_NAMESPACE"


def enter() -> None:
    """Run the script again in a network namespace of its own (root, or a system that allows user namespaces), with the cable."""
    if _INSIDE not in os.environ:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        os.execvpe("unshare", ["unshare", *user, "--net", sys.executable, *sys.argv], {**os.environ, _INSIDE: "1"})
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")  # no packet but the sender's
    for command in ("link add left type veth peer name right", "link set left up", "link set right up"):
        subprocess.run(["ip", *command.split()], check=True)


def cpu_seconds(process: int) -> float:
    """What the process has used until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
