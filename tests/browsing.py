"""What a crowd of browsers does to a local web server: `python browsing.py CONNECTIONS PARALLEL`, beside a watch of `lo`.

Python's own HTTP server, threads as browsers; each connection goes one of eight ways, in turn (`WAYS`). Prints "done" when all have
gone it, and keeps the rest as it is until a line comes on stdin.
"""

from __future__ import annotations

import http.client
import http.server
import socket
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

PORT, NOBODY_LISTENS = 8080, 8081
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
_BODY = b"x" * 20_000
_open: list[socket.socket] = []


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps connections alive, as browsers want it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/abort":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(_BODY)))
        self.end_headers()
        self.wfile.write(_BODY)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Server(http.server.ThreadingHTTPServer):
    """With room for a crowd that comes at once, and no words about those that hang up."""

    request_queue_size = 512

    def handle_error(self, *_: object) -> None:
        """A browser that goes away is no error here."""

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with suppress(OSError):
            super().shutdown_request(request)


def connection() -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", PORT)


def ask(browser: http.client.HTTPConnection, path: str = "/", **headers: str) -> None:
    browser.request("GET", path, headers=headers)
    browser.getresponse().read()


def keep_alive() -> None:
    """Five pages over one connection, which the browser closes."""
    browser = connection()
    for _ in range(5):
        ask(browser)
    browser.close()


def server_closes() -> None:
    browser = connection()
    ask(browser, Connection="close")
    browser.close()


def browser_aborts() -> None:
    """In the middle of a page."""
    with socket.create_connection(("127.0.0.1", PORT)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        raw.recv(100)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def half_close() -> None:
    """The browser has no more to say, and reads on."""
    with socket.create_connection(("127.0.0.1", PORT)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(1 << 16):
            pass


def stays_open() -> None:
    """Idle after a page, as kept for the next one."""
    browser = connection()
    ask(browser)
    assert browser.sock is not None
    _open.append(browser.sock)


def server_closes_browser_does_not() -> None:
    raw = socket.create_connection(("127.0.0.1", PORT))
    raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    while raw.recv(1 << 16):
        pass
    _open.append(raw)


def nobody_listens() -> None:
    with suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", NOBODY_LISTENS))


def server_aborts() -> None:
    browser = connection()
    with suppress(ConnectionError, http.client.HTTPException):
        ask(browser, "/abort")
    browser.close()


WAYS: tuple[Callable[[], None], ...] = (
    keep_alive, server_closes, browser_aborts, half_close, stays_open, server_closes_browser_does_not, nobody_listens, server_aborts,
)  # fmt: skip


def main(connections: int, parallel: int) -> None:
    server = Server(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with ThreadPoolExecutor(parallel) as pool:
        for one in [pool.submit(WAYS[number % len(WAYS)]) for number in range(connections)]:
            one.result()
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
