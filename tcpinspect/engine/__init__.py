"""One pass over the packets: bytes to segments, segments to connections, flags and states. Floor 2."""
