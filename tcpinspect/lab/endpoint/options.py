"""The options an endpoint uses, as values. Wing lab. Reading: RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413."""

from __future__ import annotations

from dataclasses import dataclass

from tcpinspect.lab import draft
from tcpinspect.lab.draft import NOP, Draft, DraftOption
from tcpinspect.protocol.header import MAX_WINDOW_SHIFT

_MSS, _WSCALE, _SACK_OK, _SACK, _TS, _FAST_OPEN = 2, 3, 4, 5, 8, 34
# RFC 7413 §4.1.1: a cookie has 4 to 16 octets; none at all asks for one.
_COOKIE_MIN, _COOKIE_MAX = 4, 16
_ROOM = 40  # a data offset of 15 words leaves 40 octets for options


@dataclass(frozen=True, slots=True)
class Options:
    """None: the option is absent. `sack` are the blocks as (left, right) edges; `timestamps` is (TSval, TSecr);
    `cookie` is b"" where a cookie is asked for."""

    mss: int | None = None
    window_shift: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    timestamps: tuple[int, int] | None = None
    cookie: bytes | None = None

    def drafted(self) -> tuple[DraftOption, ...]:
        """As options of a segment, values on word boundaries (RFC 7323 appendix A); of the SACK blocks as many as fit."""
        out: list[DraftOption] = []
        if self.mss is not None:
            out.append(draft.mss(self.mss))
        if self.sack_permitted:
            out += [draft.sack_permitted()] if self.timestamps else [NOP, NOP, draft.sack_permitted()]
        if self.timestamps:
            out += [] if self.sack_permitted else [NOP, NOP]
            out.append(draft.timestamps(*self.timestamps))
        if self.window_shift is not None:
            out += [NOP, draft.window_scale(self.window_shift)]
        if self.cookie is not None:
            out += [draft.fast_open(self.cookie), *[NOP] * (-(2 + len(self.cookie)) % 4)]
        blocks = self.sack[: (_ROOM - octets(tuple(out)) - 4) // 8]
        if blocks:
            out += [NOP, NOP, draft.sack(*blocks)]
        return tuple(out)


def octets(options: tuple[DraftOption, ...]) -> int:
    """How much of the header they take."""
    return sum(len(option.to_bytes()) for option in options)


def understood(segment: Draft) -> Options:
    """What a received segment's options say; what has a wrong length is as good as absent (RFC 9293 §3.2, MUST-7)."""
    mss = shift = stamps = cookie = None
    permitted, blocks = False, []
    for option in segment.options or ():
        size, number = len(option.data), int.from_bytes(option.data, "big")
        if option.length is not None:
            continue
        if option.kind == _MSS and size == 2:
            mss = number
        elif option.kind == _WSCALE and size == 1:
            # RFC 7323 §2.3: a shift "larger than 14" is logged and 14 is used.
            shift = min(number, MAX_WINDOW_SHIFT)
        elif option.kind == _SACK_OK and size == 0:
            permitted = True
        elif option.kind == _TS and size == 8:
            stamps = (number >> 32, number & 0xFFFFFFFF)
        elif option.kind == _SACK and size % 8 == 0:
            edges = [int.from_bytes(option.data[at : at + 4], "big") for at in range(0, size, 4)]
            blocks = list(zip(edges[::2], edges[1::2], strict=True))
        elif option.kind == _FAST_OPEN and (size == 0 or _COOKIE_MIN <= size <= _COOKIE_MAX):
            cookie = option.data
    return Options(mss, shift, permitted, tuple(blocks), stamps, cookie)
