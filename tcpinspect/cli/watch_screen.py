"""`watch` on a terminal: keys, redrawing, and the terminal as it was before, however it ends. Floor 5.

Reading: ECMA-48; XTerm Control Sequences (the alternate screen, 1049); termios(3).
"""

from __future__ import annotations

import os
import re
import select
import shutil
import sys
import termios
import time
import tty
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tcpinspect.cli.watch_page import Pages, Shown
from tcpinspect.errors import TcpinspectError
from tcpinspect.model import filter as display_filter
from tcpinspect.model.watching import ORDERS
from tcpinspect.report.ladder_text import text_ladder
from tcpinspect.schema import CONNECTIONS

if TYPE_CHECKING:
    from tcpinspect.cli.watch_kernel import Kernel
    from tcpinspect.cli.watch_source import Packets
    from tcpinspect.model.recent import Recent
    from tcpinspect.model.watching import Line

REDRAW_S = 0.25
_LONGEST_S = 0.4  # from one page to the next, however busy it is
_WAIT_S = 0.04  # for packets, before the keys are looked at again
_FLOODS_S = 1.0  # from one look for floods to the next: their numbers need not change faster than somebody reads
_FILTERING_S = 0.15  # of a redraw: what the filter was not asked about by then waits for the next one
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;]*[~A-Za-z]|O[A-Z])?|[\x80-\xff]+|.", re.DOTALL)
_NAMED = {
    b"\x1b[A": "up", b"\x1bOA": "up", b"k": "up", b"\x1b[B": "down", b"\x1bOB": "down", b"j": "down", b"\x1b[5~": "page-up",
    b"\x1b[6~": "page-down", b"\r": "enter", b"\n": "enter", b"\x1b": "escape", b"\x7f": "rub", b"\b": "rub", b" ": "p", b"?": "h",
}  # fmt: skip


class Terminal:
    """The terminal in the alternate screen, keys unbuffered. A context manager that puts everything back."""

    def __init__(self) -> None:
        self._keys = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY) if not sys.stdin.isatty() else os.dup(sys.stdin.fileno())

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._keys)
        tty.setcbreak(self._keys)
        self.write(_ENTER)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):  # the terminal may have gone: then nobody sees it
            self.write(_LEAVE)
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)
        os.close(self._keys)

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def draw(self, lines: list[str]) -> None:
        """Show the page: every line over the one before it, without a flicker."""
        self.write("\x1b[H" + "\x1b[K\r\n".join(lines) + "\x1b[K\x1b[J")

    def typed(self) -> list[bytes]:
        """What was typed since the last time."""
        typed = b""
        while select.select([self._keys], [], [], 0)[0]:
            got = os.read(self._keys, 1024)
            if not got:
                break
            typed += got
        return _SEQUENCE.findall(typed)


class Screen:
    """The table with its keys. `run` until the packets end and somebody has seen it, or `stop` was called."""

    def __init__(
        self, packets: Packets, recent: Recent, kernel: Kernel | None, *, color: bool, unicode: bool, stay: bool
    ) -> None:  # fmt: skip
        """`stay`: after the last packet the page stays until q."""
        self._packets, self._watch, self._recent, self._kernel = packets, packets.watch, recent, kernel
        self._color, self._unicode, self._stay = color, unicode, stay
        self._mode = "table"
        self._order, self._backwards = "latest", False
        self._chosen: int | None = None
        self._top = 0
        self._lines: list[Line] = []
        self._typing = self._expression = self._problem = ""
        self._filter: display_filter.Filter | None = None
        self._verdicts: dict[int, tuple[int, tuple[int, int, int], bool]] = {}
        self._opened: Line | None = None
        self._ladder: list[str] = []
        self._floods: list[str] = []
        self._floods_due_s = 0.0
        self._began_ns = packets.now_ns()
        self._going = True
        self.slowest_s = 0.0

    def stop(self) -> None:
        """End soon. From a signal handler, too."""
        self._going = False
        self._packets.stop()

    def run(self) -> None:
        """Feed, listen to the keys, draw."""
        with Terminal() as terminal:
            coming, due, again = True, 0.0, False
            while self._going and (coming or self._stay):
                if coming:
                    coming = self._packets.step(_WAIT_S)
                else:
                    time.sleep(_WAIT_S)
                for key in terminal.typed():
                    self._key(key)
                    again = True
                now = time.monotonic()
                if self._going and (now >= due or again):
                    self._draw(terminal, coming)
                    took = time.monotonic() - now
                    self.slowest_s = max(self.slowest_s, took)
                    # At least as long for the packets as for the page: what is not read in time is lost.
                    due, again = time.monotonic() + max(REDRAW_S, min(took, _LONGEST_S)), False

    def _key(self, raw: bytes) -> None:
        key = _NAMED.get(raw) or raw.decode("utf-8", "replace")
        if self._mode == "filter":
            self._type(raw, key)
        elif self._mode == "help":
            self._mode = "table"
        elif key == "p":
            self._packets.paused = not self._packets.paused
        elif self._mode == "ladder":
            if key in ("escape", "q", "enter"):
                self._mode = "table"
                self._recent.close()
        else:
            self._table_key(key)

    def _table_key(self, key: str) -> None:
        if key == "q":
            self.stop()
        elif key == "h":
            self._mode = "help"
        elif key == "n":
            self._packets.skip()
        elif key == "/":
            self._mode, self._typing, self._problem = "filter", self._expression, ""
        elif key == "s":
            names = list(ORDERS)
            self._order, self._backwards, self._top = names[(names.index(self._order) + 1) % len(names)], False, 0
        elif key == "r":
            self._backwards = not self._backwards
        elif key in ("up", "down", "page-up", "page-down"):
            self._move({"up": -1, "down": 1, "page-up": -10, "page-down": 10}[key])
        elif key == "enter" and self._lines:
            self._opened = next((line for line in self._lines if line.row.stream == self._chosen), self._lines[0])
            self._chosen, self._mode = self._opened.row.stream, "ladder"
            self._recent.open(self._opened.row)

    def _move(self, by: int) -> None:
        streams = [line.row.stream for line in self._lines]
        if not streams:
            return
        at = streams.index(self._chosen) + by if self._chosen in streams else 0
        if at < 0 or at >= len(streams):
            self._top = max(0, min(self._top + by, len(self._watch) - 1))
        self._chosen = streams[max(0, min(at, len(streams) - 1))]

    def _type(self, raw: bytes, key: str) -> None:
        if key == "escape":
            self._mode = "table"
        elif key == "rub":
            self._typing = self._typing[:-1]
        elif key == "enter":
            try:
                self._filter = display_filter.compile(self._typing, CONNECTIONS) if self._typing.strip() else None
            except TcpinspectError as error:
                self._problem = str(error)
                return
            self._expression, self._mode, self._top = self._typing.strip(), "table", 0
            self._verdicts.clear()
        elif raw.isascii() and raw.decode().isprintable():
            self._typing += raw.decode()

    def _draw(self, terminal: Terminal, coming: bool) -> None:
        size = shutil.get_terminal_size()
        pages = Pages(size.columns, size.lines, color=self._color, unicode=self._unicode)
        now_ns = self._packets.now_ns()
        steps = self._watch.ask(now_ns)
        if self._kernel is not None:
            self._kernel.hear(steps)
        if self._mode == "help":
            terminal.draw(pages.help())
        elif self._mode == "ladder":
            terminal.draw(self._ladder_page(pages, now_ns))
        else:
            terminal.draw(self._table_page(pages, now_ns, coming))

    def _table_page(self, pages: Pages, now_ns: int, coming: bool) -> list[str]:
        watch = self._watch
        order = self._order + (", turned" if self._backwards else "")
        shown = Shown(
            self._packets.name, now_ns - self._began_ns, watch.seen, len(watch), watch.segments, self._packets.dropped(), watch.counts(),
            self._flooded(now_ns), order, self._expression, paused=self._packets.paused,
            over=self._packets.over or ("" if coming else "no more packets; q ends"),
        )  # fmt: skip
        if self._mode == "filter":
            shown.notes = [f"filter: {self._typing}_", self._problem]
            shown.filter = ""
        if not self._packets.paused or not self._lines:
            slots = self._passing() if self._filter else None
            if self._kernel is not None:
                self._kernel.read()
            room = pages.room(shown)
            self._lines = watch.lines(self._order, most=room, first=self._top, backwards=self._backwards, slots=slots, now_ns=now_ns)
        return pages.table(shown, self._lines[: pages.room(shown)], self._chosen, now_ns, self._kernel)

    def _flooded(self, now_ns: int) -> list[str]:
        """The floods there are, as of a moment ago."""
        if time.monotonic() >= self._floods_due_s:
            self._floods = self._watch.floods(now_ns)
            self._floods_due_s = time.monotonic() + _FLOODS_S
        return self._floods

    def _passing(self) -> list[int]:
        """The slots that the filter lets through; each is asked again when it has heard something."""
        assert self._filter is not None
        known, fresh, unasked, passing = self._verdicts, {}, [], []
        for slot, number, mark in self._watch.each():
            found = known.get(slot)
            if found is not None and found[:2] == (number, mark):
                fresh[slot] = found
                if found[2]:
                    passing.append(slot)
            else:
                unasked.append((slot, number, mark))
        until = time.monotonic() + _FILTERING_S
        for at in range(0, len(unasked), 200):
            part = unasked[at : at + 200]
            for (slot, number, mark), row in zip(part, self._watch.rows([slot for slot, _, _ in part]), strict=True):
                fresh[slot] = (number, mark, bool(self._filter.matches(row)))
                if fresh[slot][2]:
                    passing.append(slot)
            if time.monotonic() > until:
                break
        self._verdicts = fresh
        return passing

    def _ladder_page(self, pages: Pages, now_ns: int) -> list[str]:
        assert self._opened is not None
        number = self._opened.row.stream
        if not self._packets.paused:
            self._opened = self._watch.line(number, now_ns) or self._opened
            if self._recent.changed:
                connection = self._recent.connection()
                if connection is None:
                    self._ladder = ["its packets are no longer kept"]
                else:
                    width = max(40, min(200, pages.width))
                    self._ladder = text_ladder(connection, width=width, unicode=self._unicode, color=self._color).splitlines()
        row = self._opened.row
        notes = [f"client {row.client_state or '?'}, server {row.server_state or '?'}" + ("  PAUSED" if self._packets.paused else "")]
        return pages.ladder(f"connection {number} while it runs", self._ladder, notes)
