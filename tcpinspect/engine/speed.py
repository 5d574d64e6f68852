"""Whether the engine was compiled, and what it costs where it was not. Floor 2."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES

# The engine's pass alone, on 100,000 packets of real traffic (setup.py says the same of a build).
SLOWER = "about ninety times slower"
LARGE_OCTETS = 5_000_000  # uncompiled, some seconds of work


def compiled() -> bool:
    """The engine's hot modules are extensions."""
    from tcpinspect.engine import track

    return str(track.__file__).endswith(tuple(EXTENSION_SUFFIXES))
