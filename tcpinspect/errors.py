"""Every error tcpinspect raises on purpose. Floor 0.

TcpinspectError
├── CaptureError        (also OSError)     a file or stream cannot be read as a capture at all
│   └── FormatError     (also ValueError)  its bytes are no capture format we know
├── UsageError          (also ValueError)  the call asks for something that does not exist
│   ├── WrongKind       (also TypeError)   something of another kind than the call takes
│   ├── FilterError                        a display filter that cannot be understood
│   ├── NotationError                      a segment written in a way that cannot be understood
│   ├── ScriptError                        a packetdrill script that cannot be read or played
│   ├── ScenarioError                      a line of a scenario that cannot be understood
│   └── ProtocolError                      TCP has no answer to this call in this state
├── LabError            (also OSError)     the lab cannot be set up on this machine, or one of its parts failed
└── MissingDependency   (also ImportError) an optional library is not installed

The texts say what, where, and what to do, on one line: the command prints them as they are.
A damaged packet or a capture that ends early is never an error: it is counted, or a warning on the result.
"""

from __future__ import annotations


class TcpinspectError(Exception):
    """Base of all; catching it catches everything raised on purpose."""


class CaptureError(TcpinspectError, OSError):
    """A capture could not be opened or read; the message names it."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class FormatError(CaptureError, ValueError):
    """The bytes are not a capture file."""


class UsageError(TcpinspectError, ValueError):
    """The caller asked for something that does not exist: a stream, a column, a format."""


class WrongKind(UsageError, TypeError):
    """Something of another kind than the call takes: the message says what was given, and what to give."""


class FilterError(UsageError):
    """A display filter that cannot be understood; the message shows the place."""


class NotationError(UsageError):
    """A segment that cannot be understood. `text` is what was written, `position` the place, from 0."""

    def __init__(self, text: str, position: int, what: str) -> None:
        rest = text[position : position + 12]
        place = f'at "{rest}" (character {position + 1})' if rest else "at its end"
        super().__init__(f'segment "{text}", {place}: {what}')
        self.text, self.position, self.what = text, position, what


class ScriptError(UsageError):
    """A packetdrill script that cannot be read or played: `name` is the script's, `line` counts from 1, `reason` says why."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name} line {line}: {reason}")
        self.name, self.line, self.reason = name, line, reason


class ScenarioError(UsageError):
    """A scenario that cannot be understood. `name` is the scenario's, `line` and `column` the place, from 1."""

    def __init__(self, name: str, line: int, column: int, what: str) -> None:
        super().__init__(f"scenario {name}, line {line}, character {column}: {what}")
        self.name, self.line, self.column, self.what = name, line, column, what


class ProtocolError(UsageError):
    """A call to an endpoint of the lab for which RFC 9293 has no arc; the message is the RFC's where it has one (§3.10)."""


class LabError(TcpinspectError, OSError):
    """Something of the lab is not possible here; the message says what forbids it and what to do instead."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class MissingDependency(TcpinspectError, ImportError):
    """An optional library is not installed; the message says which and how to install it."""
