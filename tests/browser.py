"""A real browser for tests: headless Chromium through its remote-debugging pipe, with nothing but the standard library.

    with Browser(tmp_path) as browser:
        page = browser.open(path_of_a_page, fragment="stream=7")
        page.click("#filter-reset"); page.press("ArrowDown"); page.value("document.title")

`Browser.find()` is None where there is none. Reading: the Chrome DevTools protocol (domains Target, Runtime, Input, Page, Emulation),
https://chromedevtools.github.io/devtools-protocol/; messages are JSON, each ended by a zero octet, on file descriptors 3 and 4.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
_KEYS = {
    "Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "ArrowDown": (40, ""), "ArrowUp": (38, ""), "Home": (36, ""), "End": (35, ""),
    "PageDown": (34, ""), "PageUp": (33, ""),
}  # fmt: skip
_PATIENCE_S = 20.0


class BrowserFailed(RuntimeError):
    """The browser did not start or did not answer."""


class Browser:
    """One browser process with a fresh profile in `folder`."""

    def __init__(self, folder: Path) -> None:
        program = self.find()
        if program is None:
            raise BrowserFailed("no chromium")
        command, events = os.pipe(), os.pipe()
        # Above 3 and 4, so that neither is overwritten while the other is put in its place.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (command[0], events[1])]
        quiet = os.open(os.devnull, os.O_RDWR)
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs[0], 3),
            (os.POSIX_SPAWN_DUP2, theirs[1], 4),
            *((os.POSIX_SPAWN_DUP2, quiet, n) for n in (1, 2)),
        ]
        arguments = [program, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        self._pid = os.posix_spawn(program, arguments, os.environ, file_actions=actions, setpgroup=0)
        for end in (command[0], events[1], quiet, *theirs):
            os.close(end)
        self._to, self._from = command[1], events[0]
        self._buffer, self._number = b"", 0
        self.log: list[dict[str, Any]] = []

    @staticmethod
    def find() -> str | None:
        """The browser's program, None where there is none."""
        return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)

    def ask(self, method: str, session: str = "", **arguments: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events that come meanwhile go into `log`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": arguments}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + _PATIENCE_S
        while True:
            answer = self._receive(until)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserFailed(f"{method}: {answer['error']}")
                return dict(answer["result"])
            self.log.append(answer)

    def _receive(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], max(0.0, until - time.monotonic()))[0]:
                raise BrowserFailed("the browser does not answer")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise BrowserFailed("the browser ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def open(self, path: Path, *, fragment: str = "", width: int = 1200, height: int = 900, dark: bool = False) -> Page:
        """A new tab with a page, loaded."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        page.go(path, fragment)
        return page

    def close(self) -> None:
        """End the browser and wait for it."""
        with contextlib.suppress(BrowserFailed, OSError):
            self.ask("Browser.close")
        with contextlib.suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._browser.ask(method, self._session, **arguments)

    def go(self, path: Path, fragment: str = "") -> None:
        """Load a file and wait until all of it is there."""
        self.ask("Page.navigate", url=path.as_uri() + (f"#{fragment}" if fragment else ""))
        self.wait(f"location.pathname.endsWith({json.dumps(path.name)}) && document.readyState === 'complete'")

    def value(self, script: str) -> Any:
        """What a script evaluates to, as plain values."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise BrowserFailed(found["exceptionDetails"].get("exception", {}).get("description", "the script failed"))
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        """Until a script evaluates to something true."""
        until = time.monotonic() + _PATIENCE_S
        while not self.value(f"!!({script})"):
            if time.monotonic() > until:
                raise BrowserFailed(f"never true: {script}")
            time.sleep(0.02)

    def place(self, selector: str) -> tuple[float, float]:
        """The middle of the first element that matches, scrolled into view."""
        found = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null; "
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); const b = (e.querySelector('.hit') || e).getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        if found is None:
            raise BrowserFailed(f"no {selector}")
        return found[0], found[1]

    def move(self, selector: str) -> None:
        """The pointer onto an element."""
        x, y = self.place(selector)
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        x, y = self.place(selector)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left" if kind != "mouseMoved" else "none", clickCount=1)

    def wheel(self, selector: str, down: float) -> None:
        x, y = self.place(selector)
        self.ask("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down)

    def press(self, key: str) -> None:
        """One key: its name as in KeyboardEvent.key."""
        code, text = _KEYS.get(key, (ord(key.upper()[0]), key))
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def write(self, text: str) -> None:
        """Text into whatever has the focus."""
        self.ask("Input.insertText", text=text)

    def picture(self, *, whole: bool = False) -> bytes:
        """A screenshot as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def printed(self) -> bytes:
        """The page as PDF, as its print style sheet has it."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])

    def complaints(self) -> list[str]:
        """Errors that the page caused: exceptions, what its policy refused, requests for anything but itself."""
        self.value("1")
        out = []
        for event in self._browser.log:
            if event.get("sessionId") != self._session:
                continue
            method, params = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                out.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
                out.append(params["entry"]["text"])
            elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("file:", "data:", "about:")):
                out.append(params["request"]["url"])
        return out
