"""Two hosts in private network namespaces, the cable between them, and the processes that act on them.

Beside the package, for recording `captures/` only. Reading: network_namespaces(7), veth(4), unshare(2), setns(2).

The namespaces have no name and no door to the machine's own network: they live exactly as long as the processes in
them. So nothing has to be removed afterwards, even when the recorder is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import ForkContext, ForkProcess
from multiprocessing.synchronize import Event
from typing import Self

import tap
import wire

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO: one switch each.
_OFFLOAD_SWITCHES = (0x17, 0x19, 0x1F, 0x24, 0x2C)
_PATIENCE_SECONDS = 60
_QUIET_SECONDS = 0.3

_libc = ctypes.CDLL(None, use_errno=True)
_fork: ForkContext = multiprocessing.get_context("fork")


class StageError(Exception):
    """A scene could not be set up, or one of its processes failed; the text says which."""


def _call(name: str, *arguments: int) -> None:
    """A call of the C library that Python 3.11 does not offer; raises OSError (PermissionError where it is that)."""
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def leave_host_network() -> None:
    """Move this process to an empty network namespace of its own, for good.

    Without root a user namespace comes first. Raises OSError where the system forbids that.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _call("unshare", _CLONE_NEWNET)
        return
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _ip(command: str) -> None:
    result = subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=False)
    if result.returncode:
        raise StageError(f"ip {command}: {result.stderr.strip()}")


def _turn_offloads_off(interface: str) -> None:
    """Have checksums computed and segments cut before the frame is seen, as they look on a real cable."""
    with socket.socket() as any_socket:
        for switch in _OFFLOAD_SWITCHES:
            value = ctypes.create_string_buffer(struct.pack("=II", switch, 0))
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


@dataclass(frozen=True)
class Host:
    """One network namespace with a TCP of its own: name, addresses, MAC, and the descriptor that keeps it alive."""

    name: str
    mac: str
    address4: str
    address6: str
    namespace: int

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets made in this block belong to the host, for ever."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _call("setns", self.namespace, _CLONE_NEWNET)
            yield
        finally:
            _call("setns", home, _CLONE_NEWNET)
            os.close(home)

    def sysctl(self, name: str, value: int | str) -> None:
        """Set a parameter of this host alone, for example `ipv4/tcp_syn_retries`."""
        with self.inside(), open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
            file.write(str(value))


@dataclass(frozen=True)
class Cable:
    """What lies between the hosts: one-way delay in ms (None: a bare veth pair without a relay), and its accidents."""

    delay_ms: int | None = 10
    fate: wire.Fate = wire.faithful
    ipv6: bool = False
    offload: bool = False
    resolve: bool = False
    """Leave it to ARP or neighbour discovery to find the other's MAC, and so have frames that are not TCP."""


@dataclass
class Stage:
    """The two hosts, joined, and everything that runs on them. A context manager: leaving it ends all processes."""

    cable: Cable = field(default_factory=Cable)
    cut: Event = field(default_factory=_fork.Event)
    """Set it, from any process of the scene, and the cable carries nothing more."""
    _actors: list[ForkProcess] = field(default_factory=list)
    _crew: list[ForkProcess] = field(default_factory=list)
    taps: list[tap.Tap] = field(default_factory=list)
    _plugs: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        # A fresh place for the relay: the kernel clears the one of the scene before only in its own time.
        _call("unshare", _CLONE_NEWNET)
        self.client = self._host("client", "02:00:00:00:00:01", "192.0.2.10", "2001:db8:1::10")
        self.server = self._host("server", "02:00:00:00:00:02", "198.51.100.20", "2001:db8:2::20")
        try:
            self._join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self._actors, *self._crew):
            process.kill()
            process.join()
        for watcher in self.taps:
            watcher.close()
        for plug in self._plugs:
            plug.close()
        os.close(self.client.namespace)
        os.close(self.server.namespace)

    def _host(self, name: str, mac: str, address4: str, address6: str) -> Host:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _call("unshare", _CLONE_NEWNET)
        try:
            namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            _ip("link set lo up")
        finally:
            _call("setns", home, _CLONE_NEWNET)
            os.close(home)
        return Host(name, mac, address4, address6, namespace)

    def _join(self) -> None:
        here = f"/proc/{os.getpid()}/fd/"
        if self.cable.delay_ms is None:
            with self.client.inside():
                _ip(f"link add eth0 address {self.client.mac} type veth peer name eth0 netns {here}{self.server.namespace}")
        else:
            for host in (self.client, self.server):
                plug = f"to-{host.name}"
                _ip(f"link add {plug} type veth peer name eth0 netns {here}{host.namespace}")
                # The relay's own namespace must stay silent.
                _ip(f"link set {plug} addrgenmode none")
                _ip(f"link set {plug} up")
                self._plugs.append(wire.plug(plug))
        for host, peer in ((self.client, self.server), (self.server, self.client)):
            self._address(host, peer)
        if self.cable.delay_ms is not None:
            client_end, server_end = self._plugs
            delay_ns = self.cable.delay_ms * 1_000_000
            fate, cut = self.cable.fate, self.cut
            carry = partial(wire.relay, client_end, server_end, delay_ns=delay_ns, fate=fate, cut=cut)
            self._crew.append(self._start(None, carry))
        if self.cable.ipv6:
            # Let the multicast reports pass that follow a new address.
            time.sleep(1)

    def _address(self, host: Host, peer: Host) -> None:
        ipv6 = self.cable.ipv6
        host.sysctl("ipv6/conf/eth0/disable_ipv6", int(not ipv6))
        host.sysctl("ipv6/conf/eth0/mldv2_unsolicited_report_interval", 10)
        # Fixed addresses and no automatic ones: no router solicitations, no duplicate address detection.
        with host.inside():
            _ip(f"link set eth0 address {host.mac} addrgenmode none")
            if not self.cable.offload:
                _turn_offloads_off("eth0")
            _ip("link set eth0 up")
            if ipv6:
                _ip(f"addr add {host.address6}/64 dev eth0 nodad")
                _ip(f"route add {peer.address6}/128 dev eth0 src {host.address6}")
            _ip(f"addr add {host.address4}/24 dev eth0")
            _ip(f"route add {peer.address4}/32 dev eth0 src {host.address4}")
            if not self.cable.resolve:
                for address in (peer.address4, peer.address6) if ipv6 else (peer.address4,):
                    _ip(f"neigh add {address} lladdr {peer.mac} dev eth0 nud permanent")

    @property
    def family(self) -> socket.AddressFamily:
        """The address family that this stage's processes talk in."""
        return socket.AF_INET6 if self.cable.ipv6 else socket.AF_INET

    @property
    def server_address(self) -> str:
        """The server's address in that family."""
        return self.server.address6 if self.cable.ipv6 else self.server.address4

    def add_address(self, host: Host, peer: Host, address: str) -> None:
        """Give a host one more IPv4 address that its peer can answer to."""
        with host.inside():
            _ip(f"addr add {address}/32 dev eth0")
        with peer.inside():
            _ip(f"route add {address}/32 dev eth0")

    def default_route(self, host: Host, peer: Host) -> None:
        """Have a host send everything it has no better way for to its peer."""
        with host.inside():
            _ip(f"route add default via {peer.address4} dev eth0 onlink")

    def watch(self, host: Host, interface: str | None = "eth0") -> tap.Tap:
        """Start a capture on a host's interface, or with None on all of them."""
        with host.inside():
            watcher = tap.Tap(interface)
        self.taps.append(watcher)
        # The kernel switches time stamps on a moment after they were asked for.
        time.sleep(0.05)
        return watcher

    def listen(self, port: int, *, backlog: int = 16, receive_buffer: int | None = None) -> socket.socket:
        """A listening socket of the server, made here so that it is there before any client starts."""
        with self.server.inside():
            listener = socket.socket(self.family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind((self.server_address, port))
        listener.listen(backlog)
        return listener

    def event(self) -> Event:
        """An event that processes started later share."""
        return _fork.Event()

    def act(self, host: Host, action: Callable[[], None]) -> None:
        """Start a process on a host; the scene ends when all of these have ended."""
        self._actors.append(self._start(host, action))

    def _start(self, host: Host | None, action: Callable[[], None]) -> ForkProcess:
        process = _fork.Process(target=_run, args=(os.getpid(), host, action))
        process.start()
        return process

    def finish(self) -> None:
        """Wait until every process has ended and the cable has gone quiet. Raises StageError when one failed."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        waiting = list(self._actors)
        while waiting:
            wait_for([process.sentinel for process in waiting], timeout=0.2)
            self._drain()
            for process in waiting:
                if process.exitcode:
                    raise StageError("a process of the scene failed")
            waiting = [process for process in waiting if process.exitcode is None]
            if time.monotonic() > deadline:
                raise StageError(f"the scene did not end within {_PATIENCE_SECONDS} s")
        time.sleep(_QUIET_SECONDS)
        while self._drain() and time.monotonic() < deadline:
            time.sleep(_QUIET_SECONDS)

    def _drain(self) -> int:
        count = sum(watcher.drain() for watcher in self.taps)
        for watcher in self.taps:
            if lost := watcher.drops():
                raise StageError(f"the capture lost {lost} frames")
        return count


def _run(parent: int, host: Host | None, action: Callable[[], None]) -> None:
    """The life of a child process: it dies with the recorder, enters its host, acts."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if host is not None:
            _call("setns", host.namespace, _CLONE_NEWNET)
        action()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
