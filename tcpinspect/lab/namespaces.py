"""Private network namespaces: a network of one's own, without root, of which nothing stays behind. Wing lab.

    with Namespace() as network:
        network.run(["ip", "address"])                      # a command inside
        server = network.socket(socket.AF_INET, socket.SOCK_STREAM)   # a socket of that network, used here

Reading: network_namespaces(7), user_namespaces(7), unshare(2).

The namespaces are anonymous: they live exactly as long as the processes in them and the descriptors that came out of
them, so there is nothing to remove, whoever is killed. A child process holds them (`lab.inside`); this process never
leaves the machine's network. A socket belongs to the network that it was made in, not to the process that uses it: so
the child makes the sockets and this process uses them, with every call and every errno at first hand.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tcpinspect.errors import LabError
from tcpinspect.lab import inside

_PATIENCE_SECONDS = 10
_MESSAGE_BYTES = 1 << 16
_MOST_DESCRIPTORS = 16


class Namespace:
    """A private network, empty but for a loopback device that is up. A context manager; `close` ends all that runs in it.

    `user` says whether a user namespace comes around it: without root it must (and is the default), with root it may.
    Inside, the caller is root: devices, addresses, raw sockets and sysctls of this network are free to use.

    Raises LabError, in one line that says what forbids it, where this system grants no namespaces. The kernel ends the
    namespace when the *thread* that made it ends: make it in a thread that lives as long as it is needed.
    """

    def __init__(self, *, user: bool | None = None) -> None:
        if sys.platform != "linux":
            raise LabError("private network namespaces are Linux's: the lab's kernels need Linux")
        self.user = os.geteuid() != 0 if user is None else user
        self._lock = threading.Lock()
        self._commands: list[subprocess.Popen[Any]] = []
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_PATIENCE_SECONDS)
        with theirs:
            command = self._program("hold", theirs.fileno())
            try:
                quiet = subprocess.DEVNULL
                self._holder = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=quiet, stdout=quiet)
            except OSError as error:
                self._control.close()
                raise LabError(f"the private network cannot be held: {command[0]!r} does not start ({error.strerror})") from error
        try:
            self._answer("a private network namespace")
        except OSError as error:
            self.close()
            if isinstance(error, LabError):
                raise
            raise LabError(why_forbidden(error, user=self.user)) from error

    def _program(self, what: str, number: int) -> list[str]:
        """How `lab.inside` is started: isolated from the caller's environment, so that it starts fast and always the same."""
        return [sys.executable, "-I", "-S", str(Path(inside.__file__)), what, str(number), "user" if self.user else "root"]

    @property
    def pid(self) -> int:
        """The process that holds the namespaces, as seen from here: `nsenter --target PID --net` finds them."""
        return self._holder.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process inside, and with them the namespaces. Sockets that came from here keep the network until closed."""
        self._control.close()
        # The holder ends now; with it the kernel kills the commands, whose waiting parents then end by themselves.
        for process in (*self._commands, self._holder):
            try:
                process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._commands.clear()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The value of a module-level function of this package, called inside. Arguments and value go through JSON.

        Raises the function's OSError here as OSError; LabError when it failed otherwise, or nobody is left inside.
        """
        return self._ask(function, arguments, opens=False)[0]

    def open(self, function: Callable[..., list[int]], *arguments: Any) -> list[int]:
        """As `call`, for a function that returns open file descriptors: they come out and are the caller's to close."""
        return self._ask(function, arguments, opens=True)[1]

    def _ask(self, function: Callable[..., Any], arguments: Sequence[Any], *, opens: bool) -> tuple[Any, list[int]]:
        request = {"function": f"{function.__module__}:{function.__qualname__}", "arguments": arguments, "opens": opens}
        with self._lock:
            try:
                self._control.send(json.dumps(request).encode())
            except OSError as error:
                raise LabError("the private network namespace is closed") from error
            return self._answer(function.__name__)

    def _answer(self, what: str) -> tuple[Any, list[int]]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, _MOST_DESCRIPTORS)
        except TimeoutError as error:
            raise LabError(f"the private network namespace did not answer within {_PATIENCE_SECONDS} s ({what})") from error
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            raise LabError(f"the process that holds the private network namespace has ended ({what})")
        answer = json.loads(data)
        if descriptors:
            return self._answer(what)[0], descriptors
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]), answer["text"])
        if "error" in answer:
            raise LabError(f"inside the private network namespace: {answer['error']}")
        return answer["value"], descriptors

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of this network; use it here like any other."""
        (descriptor,) = self.open(inside.open_socket, family, kind, protocol)
        return socket.socket(family, kind, protocol, fileno=descriptor)

    def sysctl(self, name: str, value: int | str | None = None) -> str:
        """A parameter of this network (`net/ipv4/tcp_syncookies` or with dots), set first when a value is given.

        Raises OSError where this kernel has no such parameter for each namespace.
        """
        path = name if "/" in name else name.replace(".", "/")
        if value is not None:
            self.call(inside.write_sysctl, path, str(value))
        return str(self.call(inside.read_sysctl, path))

    def popen(self, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a command inside; `options` are subprocess.Popen's. It is killed with the namespace, and with this process."""
        self._commands = [started for started in self._commands if started.poll() is None]
        started = subprocess.Popen([*self._program("enter", self.pid), *command], **options)
        self._commands.append(started)
        return started

    def run(self, command: Sequence[str], *, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end; its output is captured as text. A missing command has the exit code 127."""
        started = self.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        try:
            out, err = started.communicate(timeout=timeout)
        except BaseException:
            started.kill()
            started.communicate()
            raise
        return subprocess.CompletedProcess(list(command), started.returncode, out, err)


# Where a system says that it forbids user namespaces: the file, the value that forbids, and the sentence for a person.
_FORBIDDERS = (
    ("user/max_user_namespaces", "0", "user namespaces are forbidden here (user.max_user_namespaces is 0)"),
    ("kernel/unprivileged_userns_clone", "0", "user namespaces are forbidden without root (kernel.unprivileged_userns_clone is 0)"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor forbids user namespaces without root (kernel.apparmor_restrict_unprivileged_userns is 1)",
    ),
)


def why_forbidden(error: OSError, *, user: bool, settings: Path = Path("/proc/sys")) -> str:
    """One line for a person: what on this system forbids a private network namespace, and what to do."""
    if not user:
        return (
            f"no private network namespace, though root ({error.strerror}): this container withholds CAP_SYS_ADMIN; give it that capability"
        )
    for name, forbidding, sentence in _FORBIDDERS:
        with contextlib.suppress(OSError):
            if (settings / name).read_text(encoding="ascii").strip() == forbidding:
                return f"{sentence}: run as root, or have that setting changed"
    if error.errno == errno.ENOSPC:
        return "no private network namespace: too many exist already (user.max_user_namespaces, user.max_net_namespaces)"
    return f"no private network namespace without root ({error.strerror}): a container's seccomp profile may forbid it; run as root"


def usable(*, user: bool | None = None) -> str | None:
    """None where a private network namespace can be made here, else why not, in one line."""
    try:
        Namespace(user=user).close()
    except LabError as error:
        return str(error)
    return None
