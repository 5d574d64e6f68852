"""Why a segment was sent, what it did to both sides, and where Wireshark reads it differently. Floor 3.

`explain` answers for one segment, `causes` gives our own verdict on each segment of a connection in a word of CAUSES,
`tell_all` a sentence for each.
"""

from tcpinspect.insight.why.cause import CAUSES, causes
from tcpinspect.insight.why.explain import Rule, Standing, Told, Why, explain, tell_all

__all__ = ["CAUSES", "Rule", "Standing", "Told", "Why", "causes", "explain", "tell_all"]
