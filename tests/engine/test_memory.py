"""engine.memory: room that grows keeps what was in it, whoever looks on."""

from __future__ import annotations

import mmap

from tcpinspect.engine.memory import anonymous, grown

PAGE = mmap.PAGESIZE


def test_it_grows_with_what_is_in_it_and_zeros_behind() -> None:
    room = anonymous(PAGE)
    room[:5] = b"first"
    room = grown(room, 4 << 20)
    assert len(room) == 4 << 20
    assert room[:6] == b"first\0" and not any(room[PAGE:])


def test_who_looked_before_it_grew_still_sees_what_was_there() -> None:
    room = anonymous(PAGE)
    room[:5] = b"first"
    before = memoryview(room)
    after = grown(room, 2 * PAGE)
    assert after is not room and after[:5] == b"first" and len(after) == 2 * PAGE
    after[:5] = b"later"
    assert bytes(before[:5]) == b"first"
