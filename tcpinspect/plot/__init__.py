"""Pictures of one connection and of all of a capture. Floor 4. Reading: RFC 9293 §3.3.2, §3.5, §3.6.

    tcpinspect.plot.ladder(connection), states, machine, sequence, throughput, rtt, window, segments
    tcpinspect.plot.overview(analysis), handshakes, teardowns, dwell, machine

Every one takes `ax=None` (else it draws into these axes), `theme` ("light", "dark") and `lang` ("en", "zh"), and returns the axes.
Two steps: a layout works out where everything stands (a table, without matplotlib), `draw_*` puts it into the axes.
"""

from __future__ import annotations

from tcpinspect.plot.draw_capture import dwell, handshakes, overview, teardowns
from tcpinspect.plot.draw_header import header
from tcpinspect.plot.draw_ladder import ladder
from tcpinspect.plot.draw_layers import layers
from tcpinspect.plot.draw_machine import machine
from tcpinspect.plot.draw_sequence import sequence
from tcpinspect.plot.draw_series import rtt, segments, throughput, window
from tcpinspect.plot.draw_states import states
from tcpinspect.plot.save import save

__all__ = [
    "dwell", "handshakes", "header", "ladder", "layers", "machine", "overview", "rtt", "save", "segments", "sequence", "states",
    "teardowns", "throughput", "window",
]  # fmt: skip
