"""Scripts in packetdrill's language: read, played against a kernel or our own endpoint, written from a capture. Wing lab.

    script = reading.read(text, "close.pkt")       # script.events; what is refused raises ScriptError with line and reason
    result = run.on_kernel(script)                 # or run.on_endpoint(script)
    result.passed, result.mismatch, result.capture()
    written = writing.write(analysis.connections[3], side="server")
    replay.capture(script)                         # both sides as the script tells them, nobody asked

A script never runs anything of this machine: shell commands and Python assertions in it are refused, or left out on request.
Reading: Cardwell et al., "packetdrill: Scriptable Network Stack Testing" (USENIX ATC 2013), for the language; all code is ours.
"""
