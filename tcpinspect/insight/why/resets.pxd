# Compiled as it is; the types of what it looks at stand there.
from tcpinspect.insight.why.replay cimport Fact
