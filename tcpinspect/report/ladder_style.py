"""The characters and colours of a ladder in a terminal. Floor 4. Reading: ECMA-48 §8.3.117 (SGR)."""

from __future__ import annotations

from dataclasses import dataclass, field

QUIET = "2"
# By kind of arrow; data and what is not here in the terminal's own colour.
KIND_STYLES: dict[str, str] = {
    "syn": "33", "fin": "36", "reset": "1;31", "retransmission": "31", "out_of_order": "35", "control": "", "fold": "2",
}  # fmt: skip
_STATE_STYLES: dict[str, str] = {
    "CLOSED": "2", "LISTEN": "37", "SYN-SENT": "33", "SYN-RECEIVED": "93", "ESTABLISHED": "32", "FIN-WAIT-1": "36", "FIN-WAIT-2": "96",
    "CLOSING": "94", "TIME-WAIT": "34", "CLOSE-WAIT": "35", "LAST-ACK": "95",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class State:
    """A state's name as it is written beside a rail; in brackets when it is only assumed."""

    name: str
    assumed: bool

    @property
    def text(self) -> str:
        """`ESTABLISHED`, `(LISTEN)`."""
        return f"({self.name})" if self.assumed else self.name

    @property
    def style(self) -> str:
        """The terminal's code: the state's colour, bold unless assumed."""
        color = state_style(self.name)
        return color if self.assumed or color == QUIET or not color else f"1;{color}"


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters that lines are made of; `dashes` by kind of arrow where it is not `line`."""

    rail: str
    line: str
    left: str
    right: str
    lost: str
    cut: str
    dashes: dict[str, str] = field(default_factory=dict)


_UNICODE = Marks("│", "─", "◀", "▶", "×", "⋮", {"retransmission": "╌", "out_of_order": "╌", "fold": "┄", "reset": "━"})
_ASCII = Marks("|", "-", "<", ">", "x", ":", {"retransmission": "~", "out_of_order": "~", "fold": ".", "reset": "="})


def marks(unicode: bool) -> Marks:
    """Box drawing, or ASCII alone."""
    return _UNICODE if unicode else _ASCII


def state_style(name: str) -> str:
    """The terminal's code for a state; none for an unknown one."""
    return _STATE_STYLES.get(name, "")


def paint(text: str, style: str) -> str:
    """The text between the codes that switch a style on and all off."""
    return f"\x1b[{style}m{text}\x1b[0m"
