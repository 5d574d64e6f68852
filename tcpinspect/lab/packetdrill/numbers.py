"""The script's numbers and those on the wire: what one says is the other's, and where a segment differs. Wing lab.

A script counts sequence numbers from 0 on both sides and writes any timestamps it likes. The peer, whom the script plays, uses
these very numbers. The side under test has its own: its ISN is learnt from its SYN, its timestamps one by one from the
segments that the script expects. Reading: RFC 9293 §3.4, RFC 7323 §3.
"""

from __future__ import annotations

from dataclasses import replace

from tcpinspect.lab.draft import EOL, MODULUS, Draft, DraftOption, timestamps
from tcpinspect.lab.notation import notation
from tcpinspect.protocol.header import ACK, FLAG_NAMES, SYN

_TIMESTAMPS = 8


class Numbers:
    """The translation of one script while it is played."""

    def __init__(self) -> None:
        self._isn: int | None = None
        self._another = False
        self._stamps: dict[int, int] = {}
        self._last: tuple[int, int] | None = None

    def another_connection(self) -> None:
        """A new SYN is on its way: the side under test may choose another ISN for it; until it does, the old one holds."""
        self._another = True

    def injected(self, draft: Draft) -> Draft:
        """The segment as it goes to the side under test."""
        out = draft.shifted(ack=self._isn or 0)
        if out.options is None:
            return out
        return replace(out, options=tuple(self._echo(option) for option in out.options))

    def as_script(self, live: Draft, expected: Draft | None = None) -> Draft:
        """A segment of the side under test in the script's numbers; its SYN tells its ISN, if that is not known."""
        if (self._isn is None or self._another) and live.flags & SYN:
            self._another = False
            stated = expected.seq if expected is not None else None
            self._isn = ((live.seq or 0) - (stated or 0)) % MODULUS
        return replace(live.shifted(seq=-(self._isn or 0)), src_port=None, dst_port=None, checksum=None)

    def differences(self, expected: Draft, live: Draft) -> list[str]:
        """In what the segment (in the script's numbers) is not the expected one; remembers its timestamp where it is."""
        compared: tuple[tuple[str, int | None, int | None], ...] = (
            ("sequence number", expected.seq, live.seq),
            ("length", len(expected.payload), len(live.payload)),
            ("acknowledgment number", expected.ack, live.ack if live.flags & ACK else None),
            ("window", expected.window, live.window),
            ("urgent pointer", expected.urgent_pointer, live.urgent_pointer),
        )
        found = [] if expected.flags == live.flags else [f"flags {_flags(live.flags)}, not {_flags(expected.flags)}"]
        found += [f"{name} {got}, not {wanted}" for name, wanted, got in compared if wanted is not None and wanted != got]
        if expected.options is not None and live.options is not None:
            wanted_options, options = _meaningful(expected.options), _meaningful(live.options)
            if [_without_clock(one) for one in wanted_options] != [_without_clock(one) for one in options]:
                found.append(f"options {_options(live)}, not {_options(expected)}")
            elif not found:
                self._learn(wanted_options, options)
        return found

    def _learn(self, wanted: list[DraftOption], live: list[DraftOption]) -> None:
        for one, other in zip(wanted, live, strict=True):
            if one.kind == _TIMESTAMPS and len(one.data) == 8:
                self._last = _value(one), _value(other)
                self._stamps[self._last[0]] = self._last[1]

    def _echo(self, option: DraftOption) -> DraftOption:
        """An injected timestamp echoes what the side under test really sent where the script echoes what it expected."""
        if option.kind != _TIMESTAMPS or len(option.data) != 8 or self._last is None:
            return option
        value, echo = _value(option), int.from_bytes(option.data[4:], "big")
        live = self._stamps.get(echo, (echo - self._last[0] + self._last[1]) % MODULUS)
        # 0 is what a segment echoes that has nothing to echo (RFC 7323 §3.2)
        return timestamps(value, live if echo else 0)


def _value(option: DraftOption) -> int:
    return int.from_bytes(option.data[:4], "big")


def _without_clock(option: DraftOption) -> DraftOption:
    """The option without TSval, which is the reading of a clock that no script knows."""
    return replace(option, data=option.data[4:]) if option.kind == _TIMESTAMPS and len(option.data) == 8 else option


def _meaningful(options: tuple[DraftOption, ...]) -> list[DraftOption]:
    """Without the padding at the end."""
    out = list(options)
    while out and out[-1] == EOL:
        out.pop()
    return out


def _options(draft: Draft) -> str:
    text = notation(Draft(options=draft.options), extras=False)
    return text.removeprefix("-").strip().removeprefix("0:0(0)").strip() or "<>"


def _flags(bits: int) -> str:
    return "+".join(name for n, name in enumerate(FLAG_NAMES) if bits >> n & 1) or "none"
