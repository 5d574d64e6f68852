"""What a process may do and how it gives that up. Floor 1. Reading: capabilities(7), packet(7), setresuid(2).

Packet sockets need CAP_NET_RAW, and nothing else: not for promiscuous mode, not for the ring.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pwd
import shlex
import struct
import sys
from collections.abc import Iterable

from tcpinspect.errors import UsageError

_CAP_NET_RAW = 13
_CAPABILITY_VERSION_3 = 0x20080522  # <linux/capability.h>


def has_net_raw() -> bool:
    """Whether this process has CAP_NET_RAW, as /proc says."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            effective = next(line for line in status if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return os.geteuid() == 0
    return bool(int(effective.split()[1], 16) >> _CAP_NET_RAW & 1)


def ways_out() -> str:
    """The missing capability, the commands that give it, and the way that needs none; half a sentence."""
    if has_net_raw():
        return "the process has CAP_NET_RAW, but not in the user namespace that owns this network namespace"
    try:
        interpreter = os.readlink("/proc/self/exe")  # capabilities belong to the file itself, not to links to it
    except OSError:
        interpreter = os.path.realpath(sys.executable)
    return (
        "CAP_NET_RAW is missing: run it with sudo, or grant it once to this Python with "
        f'"sudo setcap cap_net_raw+eip {shlex.quote(interpreter)}", or use "tcpinspect lab run", which needs no privilege'
    )


def invoking_user() -> str | None:
    """The user behind sudo, where root runs for somebody who exists in this user namespace; None otherwise."""
    number = os.environ.get("SUDO_UID", "")
    if os.geteuid() != 0 or not number.isdigit() or int(number) == 0 or not _mapped(int(number)):
        return None
    try:
        return pwd.getpwuid(int(number)).pw_name
    except KeyError:
        return None


def _mapped(user: int) -> bool:
    try:
        with open("/proc/self/uid_map", encoding="ascii") as table:
            ranges = [(int(first), int(count)) for first, _, count in map(str.split, table)]
    except (OSError, ValueError):
        return True
    return any(first <= user < first + count for first, count in ranges)


def drop_all(user: str | None, later: Iterable[str]) -> None:
    """Go on without any privilege: as `user`, else as who called sudo, else as whoever runs this, without capabilities.

    From here on nothing needs a privilege, and packets of strangers are about to be read. The modules of `later` are imported
    before: afterwards even Python's own library may be out of reach, where it lies in root's home. Raises UsageError.
    """
    for needed in ("pwd", *later):
        importlib.import_module(needed)
    target = user or invoking_user()
    if target is not None:
        drop_to(target)
    drop_capabilities()


def drop_to(user: str) -> None:
    """Become this user, for good: groups, group, user, and no way back. Raises UsageError where that is impossible."""
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f'-Z: there is no user "{user}" here') from None
    if account.pw_uid == os.geteuid():
        return
    try:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    except OSError as error:
        raise UsageError(f"cannot become {user}: {error.strerror}; only root can") from None
    if os.getresuid() != (account.pw_uid,) * 3 or os.getresgid() != (account.pw_gid,) * 3:
        raise UsageError(f"became only half of {user}: refusing to go on")


def drop_capabilities() -> None:
    """Give up capabilities that a file gave to a process that is not root; root keeps what -Z does not take."""
    if os.geteuid() == 0:
        return
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    none = ctypes.create_string_buffer(bytes(24))
    ctypes.CDLL(None, use_errno=True).capset(header, none)
