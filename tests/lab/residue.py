"""What an exchange may leave behind on a machine, and must not: processes, networks, devices, firewall rules. Judges: /proc, nft."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path


def descendants(pid: int) -> set[int]:
    """All processes below one, by /proc."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.update(children)
        waiting += children
    return found


def networks() -> dict[str, list[int]]:
    """Every network namespace that a process is in, and those processes."""
    found: dict[str, list[int]] = {}
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.setdefault(os.readlink(link), []).append(int(link.parts[2]))
        except OSError:
            continue
    return found


def devices() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


def firewall_rules() -> str:
    """All of them, where they can be listed."""
    if shutil.which("nft") is None:
        return ""
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout


def gone(processes: set[int]) -> bool:
    """True as soon as none of these runs any more (a zombie does not)."""
    for _ in range(200):
        if not any(alive(pid) for pid in processes):
            return True
        time.sleep(0.01)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
