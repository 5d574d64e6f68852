"""What runs inside a private namespace: its holder, and the door through which commands enter.

Wing lab. Reading: namespaces(7), pid_namespaces(7), user_namespaces(7), prctl(2), unshare(2), setns(2).

`lab.namespaces` starts this file as a program of its own (`hold`, `enter`), with nothing but the standard library and
this package in reach. A program and not a fork: a notebook has threads, and a process with threads neither forks safely
nor may it make a user namespace.

Three nets keep processes from staying behind, because each alone has a hole: the kernel kills the holder when its parent
dies (PR_SET_PDEATHSIG); the holder ends when the control socket does, however that came about; and as the first process
of its own PID namespace it takes with it whatever still runs there, grandchildren included.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import signal
import socket
import struct
import sys
from typing import NoReturn

CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_MESSAGE_BYTES = 1 << 16
# Enough for a flood of some hundred connections; see `_small_socket_table`.
_SOCKET_TABLE_ENTRIES = "256"

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> None:
    """A call of the C library that Python 3.11 does not offer. Raises OSError (PermissionError where it is that)."""
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies. Forgotten at a fork and at every change of credentials."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _map_to_root(user: int, group: int) -> None:
    """Be root inside, and the one who called outside (user_namespaces(7): without privilege, exactly this one line)."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _small_socket_table() -> None:
    """Ask that the next network namespace gets a socket table of its own, and move there.

    A reading of all sockets walks the whole table: of the machine's, with its hundred thousands of buckets, 0.5 ms.
    Kernels before 6.1 do not offer it; then the reading is slower and nothing else changes.
    """
    # The kernel derives these limits from the table's size: they stay what they are without one.
    limits = ("net/ipv4/tcp_max_syn_backlog", "net/ipv4/tcp_max_tw_buckets")
    try:
        before = [read_sysctl(name) for name in limits]
        write_sysctl("net/ipv4/tcp_child_ehash_entries", _SOCKET_TABLE_ENTRIES)
    except OSError:
        return
    _call("unshare", CLONE_NEWNET)
    for name, value in zip(limits, before, strict=True):
        write_sysctl(name, value)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("h", request, 16)[0] | _IFF_UP
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags))


def hold(control: socket.socket, *, user_namespace: bool) -> int:
    """Make the namespaces, then wait for the first process in them; returns its exit code."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        user, group = os.geteuid(), os.getegid()
        _call("unshare", CLONE_NEWNET | CLONE_NEWPID | (CLONE_NEWUSER if user_namespace else 0))
        die_with_parent()
        if user_namespace:
            _map_to_root(user, group)
        _small_socket_table()
        _raise_loopback()
    except OSError as error:
        _reply(control, {"errno": error.errno, "text": str(error.filename or error.strerror)})
        return 1
    first = os.fork()
    if first == 0:
        die_with_parent()
        # The first process of a PID namespace hears no signal that it has no handler for.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        _reply(control, {"value": None})
        serve(control)
    control.close()
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def serve(control: socket.socket) -> NoReturn:
    """Do what comes through the control socket until it ends."""
    while True:
        try:
            message = control.recv(_MESSAGE_BYTES)
        except OSError:
            message = b""
        if not message:
            os._exit(0)
        request = json.loads(message)
        try:
            module, name = request["function"].split(":")
            value = getattr(importlib.import_module(module), name)(*request["arguments"])
        except OSError as error:
            _reply(control, {"errno": error.errno, "text": str(error.filename or error.strerror)})
        except Exception as error:
            _reply(control, {"error": f"{type(error).__name__}: {error}"})
        else:
            if request["opens"]:
                _hand_over(control, value)
                value = len(value)
            _reply(control, {"value": value})


def _hand_over(control: socket.socket, descriptors: list[int]) -> None:
    """Give descriptors away: the answer that follows says that they are closed here, so that a close over there is the last."""
    with contextlib.suppress(OSError):
        socket.send_fds(control, [b"{}"], descriptors)
    for descriptor in descriptors:
        os.close(descriptor)


def _reply(control: socket.socket, answer: dict[str, object]) -> None:
    # Where nobody listens any more, the next reading of the control socket ends this process.
    with contextlib.suppress(OSError):
        control.send(json.dumps(answer).encode())


def open_socket(family: int, kind: int, protocol: int) -> list[int]:
    """A socket of this namespace, wherever it is used afterwards."""
    return [socket.socket(family, kind, protocol).detach()]


def write_sysctl(name: str, value: str) -> None:
    """Set a parameter of this network namespace; `name` as in /proc/sys."""
    with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
        file.write(value)


def read_sysctl(name: str) -> str:
    """A parameter of this network namespace; `name` as in /proc/sys."""
    with open(f"/proc/sys/{name}", encoding="ascii") as file:
        return file.read().strip()


def read_text(path: str) -> str:
    """A short file as the processes of this namespace see it."""
    with open(path, encoding="ascii") as file:
        return file.read()


def enter(holder: int, user_namespace: bool, command: list[str]) -> int:
    """Run a command in the namespaces of a holder; returns its exit code, or dies of the signal that it died of."""
    die_with_parent()
    # Ctrl-C reaches the command too: this process only waits for what the command makes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name, kind in (("user", CLONE_NEWUSER), ("net", CLONE_NEWNET), ("pid_for_children", CLONE_NEWPID)):
        if name == "user" and not user_namespace:
            continue
        descriptor = os.open(f"/proc/{holder}/ns/{name}", os.O_RDONLY)
        _call("setns", descriptor, kind)
        os.close(descriptor)
    die_with_parent()
    child = os.fork()
    if child == 0:
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}\n".encode())
            os._exit(127)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    return code


def main(arguments: list[str]) -> int:
    """`hold CONTROL_FD user|root`, or `enter HOLDER_PID user|root COMMAND ...`."""
    what, number, whose, *command = arguments
    if what == "hold":
        return hold(socket.socket(fileno=int(number)), user_namespace=whose == "user")
    return enter(int(number), whose == "user", command)


if __name__ == "__main__":
    # Started with -I -S: the package is found beside this file, and nothing else is.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    sys.exit(main(sys.argv[1:]))
