"""python -m tcpinspect: the same as the command. Door."""

from __future__ import annotations

import sys

from tcpinspect.cli import main

if __name__ == "__main__":
    sys.exit(main())
