"""Why a segment was sent, what it did to both sides, and where Wireshark reads it differently. Floor 3.

`explain` answers for one segment, `causes` gives our own verdict on each segment of a connection in a word of CAUSES.
"""

from tcpinspect.insight.why.cause import CAUSES, causes
from tcpinspect.insight.why.explain import Rule, Standing, Why, explain

__all__ = ["CAUSES", "Rule", "Standing", "Why", "causes", "explain"]
