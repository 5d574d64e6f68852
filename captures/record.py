"""Record the captures of this directory anew: real Linux TCP between two private network namespaces.

    python captures/record.py                  all of them (about a minute)
    python captures/record.py refused ...      some of them
    python captures/record.py --list           what there is
    python captures/record.py -o DIR refused   into another directory

Needs Linux, iproute2, and root or a kernel that grants user namespaces. Nothing of the machine's own network is touched
or recorded, and nothing is left behind. Exit codes: 0 all recorded; 1 a scene failed; 2 wrong call, or not possible
here; 130 interrupted.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import closes
import crowds
import tap
import troubles
from scene import SCENES, Scene
from stage import Stage, StageError, leave_host_network

# Importing these registers their scenes.
_PROGRAMMES = (closes, troubles, crowds)


def record(scene: Scene, directory: Path) -> list[Path]:
    """Play one scene and write its captures; returns their paths. Raises StageError, and then writes nothing."""
    with Stage(scene.cable) as stage:
        hosts = {"client": stage.client, "server": stage.server}
        if not scene.starts_watching:
            for place in scene.files:
                stage.watch(hosts[place], scene.interface)
        scene.play(stage)
        stage.finish()
        paths = [directory / name for name in scene.files.values()]
        for path, watcher in zip(paths, stage.taps, strict=True):
            tap.write(path, watcher, nanoseconds=scene.nanoseconds)
    return paths


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenes to record (default: all)")
    parser.add_argument("--list", action="store_true", help="list the scenes and end")
    parser.add_argument("-o", "--directory", type=Path, default=Path(__file__).parent, help="where to write (default: beside this script)")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in SCENES]:
        parser.error(f"no scene {unknown[0]!r}; there are: {', '.join(SCENES)}")
    if not arguments.directory.is_dir():
        parser.error(f"no directory {arguments.directory}")
    return arguments


def _terminated(number: int, frame: FrameType | None) -> None:
    # Turned into an exception, so that the stage is left in order.
    raise SystemExit(128 + number)


def main() -> int:
    """The command; returns its exit code."""
    arguments = _arguments()
    if arguments.list:
        for name, scene in SCENES.items():
            print(f"{name:28} {', '.join(scene.files.values())}\n    {scene.shows}")
        return 0
    if shutil.which("ip") is None:
        print("record.py: the command ip is missing: install iproute2", file=sys.stderr)
        return 2
    directory = arguments.directory.resolve()
    try:
        leave_host_network()
    except OSError as error:
        print(f"record.py: no private network namespace here ({error}): run it as root", file=sys.stderr)
        return 2
    # Only now: until here there is nothing to put in order.
    signal.signal(signal.SIGTERM, _terminated)
    for name in arguments.names or SCENES:
        began = time.monotonic()
        try:
            paths = record(SCENES[name], directory)
        except (OSError, StageError, subprocess.SubprocessError) as error:
            print(f"record.py: {name}: {error}", file=sys.stderr)
            return 1
        sizes = ", ".join(f"{path.name} {path.stat().st_size} B" for path in paths)
        print(f"{name:28} {time.monotonic() - began:5.1f} s  {sizes}", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
