"""Where the states of the diagram stand and how its arcs run: hand-made, data only. Floor 4. Reading: RFC 9293 §3.3.2 (figure 5).

CLOSED stands twice, as in the RFC's figure: where connections begin, and (`END`) where they end. x grows to the right, y down.
"""

from __future__ import annotations

from typing import NamedTuple

END = "CLOSED (end)"
# Half the width and half the height of a state's box.
HALF_WIDTH, HALF_HEIGHT = 0.62, 0.17

PLACES: dict[str, tuple[float, float]] = {
    "CLOSED": (3.0, 0.0),
    "LISTEN": (3.0, 1.15),
    "SYN-RECEIVED": (0.9, 2.35),
    "SYN-SENT": (5.1, 2.35),
    "ESTABLISHED": (3.0, 3.5),
    "FIN-WAIT-1": (0.9, 4.7),
    "CLOSE-WAIT": (5.1, 4.7),
    "CLOSING": (3.0, 5.25),
    "FIN-WAIT-2": (0.9, 6.3),
    "LAST-ACK": (5.1, 6.0),
    "TIME-WAIT": (3.0, 6.9),
    END: (5.1, 7.3),
}


# Where a note beside a box stands, so that it meets no arc: everything not here has it below.
NOTE_ABOVE = ("CLOSED",)
NOTE_LEFT = ("SYN-RECEIVED", "FIN-WAIT-1")
NOTE_RIGHT = ("LISTEN", "SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "CLOSING", "LAST-ACK")


class Route(NamedTuple):
    """How an arc runs, and where its words stand.

    `bend` is to the left of its way, in shares of its length; `leave` and `arrive` move its ends sideways from the middle of the
    boxes. The words stand at `at` (0 to 1 of the way), moved by `dx`, `dy`, aligned `align` (across) and `up` (vertically).
    """

    bend: float = 0.0
    at: float = 0.5
    dx: float = 0.0
    dy: float = 0.0
    align: str = "center"
    leave: tuple[float, float] = (0.0, 0.0)
    arrive: tuple[float, float] = (0.0, 0.0)
    up: str = "center"


# The arcs of figure 5, always drawn.
ROUTES: dict[tuple[str, str], Route] = {
    ("CLOSED", "LISTEN"): Route(0.0, 0.5, -0.08, 0.0, "right", (-0.2, 0), (-0.2, 0)),
    ("LISTEN", "CLOSED"): Route(0.0, 0.5, 0.08, 0.0, "left", (0.2, 0), (0.2, 0)),
    ("CLOSED", "SYN-SENT"): Route(0.28, 0.42, 0.16, -0.08, "left", (0.3, 0), (0.25, 0)),
    ("SYN-SENT", "CLOSED"): Route(0.0, 0.5, 0.14, -0.1, "left", (0.05, 0), (0.5, 0.05)),
    ("LISTEN", "SYN-SENT"): Route(0.0, 0.52, -0.06, 0.04, "right", (0.3, 0), (-0.35, 0), up="top"),
    ("LISTEN", "SYN-RECEIVED"): Route(0.0, 0.5, -0.08, 0.02, "right", (-0.3, 0), (0.1, 0), up="bottom"),
    ("SYN-SENT", "SYN-RECEIVED"): Route(0.0, 0.4, 0.0, 0.06, "center", up="top"),
    ("SYN-SENT", "ESTABLISHED"): Route(0.0, 0.5, 0.06, 0.02, "left", (0.0, 0), (0.3, 0), up="top"),
    ("SYN-RECEIVED", "ESTABLISHED"): Route(0.0, 0.5, 0.06, 0.02, "left", (0.1, 0), (-0.3, 0), up="bottom"),
    ("SYN-RECEIVED", "FIN-WAIT-1"): Route(0.0, 0.5, -0.07, 0.0, "right", (-0.2, 0), (-0.2, 0)),
    ("ESTABLISHED", "FIN-WAIT-1"): Route(0.0, 0.5, -0.08, 0.02, "right", (-0.3, 0), (0.1, 0), up="bottom"),
    ("ESTABLISHED", "CLOSE-WAIT"): Route(0.0, 0.5, 0.08, 0.02, "left", (0.3, 0), (-0.1, 0), up="bottom"),
    ("FIN-WAIT-1", "FIN-WAIT-2"): Route(0.0, 0.5, -0.07, 0.0, "right", (-0.2, 0), (-0.2, 0)),
    ("FIN-WAIT-1", "CLOSING"): Route(0.0, 0.55, 0.14, -0.13, "center", (0.2, 0), (-0.3, 0), up="bottom"),
    ("FIN-WAIT-1", "TIME-WAIT"): Route(0.0, 0.42, 0.12, -0.1, "left", (0.2, 0), (-0.2, 0)),
    ("FIN-WAIT-2", "TIME-WAIT"): Route(0.0, 0.5, -0.06, 0.06, "right", (0.1, 0), (-0.3, 0), up="top"),
    ("CLOSING", "TIME-WAIT"): Route(0.0, 0.5, 0.07, 0.0, "left", (0.2, 0), (0.2, 0)),
    ("CLOSE-WAIT", "LAST-ACK"): Route(0.0, 0.5, 0.07, 0.0, "left"),
    ("LAST-ACK", END): Route(0.0, 0.5, 0.07, 0.0, "left"),
    ("TIME-WAIT", END): Route(0.0, 0.5, 0.06, -0.08, "center", (0.2, 0), (-0.3, 0), up="bottom"),
}

# Arcs that the figure leaves out: drawn where a connection took them.
OTHERS: dict[tuple[str, str], Route] = {
    ("SYN-RECEIVED", "LISTEN"): Route(0.25, 0.5, -0.08, -0.05, "right"),
    ("SYN-RECEIVED", "CLOSE-WAIT"): Route(0.0, 0.35, 0.1, 0.0, "left", (0.3, 0), (-0.4, 0)),
    ("SYN-RECEIVED", "CLOSED"): Route(0.28, 0.5, -0.05, -0.1, "right", (-0.4, 0), (-0.5, 0)),
    ("SYN-SENT", "CLOSED"): ROUTES["SYN-SENT", "CLOSED"],
    ("LISTEN", "CLOSED"): ROUTES["LISTEN", "CLOSED"],
    ("ESTABLISHED", END): Route(0.0, 0.47, 0.1, 0.0, "left", (0.15, 0), (-0.45, 0)),
    ("FIN-WAIT-1", END): Route(-0.12, 0.35, 0.06, -0.02, "left", (0.4, 0), (-0.5, 0), up="bottom"),
    ("FIN-WAIT-2", END): Route(-0.18, 0.5, 0.0, 0.14, "center", (0.0, 0), (-0.5, 0.1)),
    ("CLOSE-WAIT", END): Route(0.3, 0.5, 0.08, 0.0, "left", (0.5, 0), (0.5, 0)),
    ("CLOSING", END): Route(0.0, 0.45, 0.1, 0.0, "left", (0.4, 0), (-0.4, 0)),
    ("TIME-WAIT", "SYN-RECEIVED"): Route(0.45, 0.5, -0.05, 0.0, "right", (-0.5, 0), (-0.6, 0)),
}
