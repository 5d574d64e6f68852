"""Pictures of one connection: a ladder of its segments, lanes of its states. Floor 4. Reading: RFC 9293 §3.5, §3.6 (figures).

Two steps: `layout` works out where everything stands (a table, without matplotlib), `draw_*` puts it into the axes it is given.
"""

from __future__ import annotations

from tcpinspect.plot.draw_header import header
from tcpinspect.plot.draw_ladder import ladder
from tcpinspect.plot.draw_layers import layers
from tcpinspect.plot.draw_states import states
from tcpinspect.plot.save import save

__all__ = ["header", "ladder", "layers", "save", "states"]
