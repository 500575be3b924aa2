"""Landlock: the kernel refuses every file that was not named, whatever the process's user may read otherwise.

Called directly through ctypes; ABI as in the kernel's ``Documentation/userspace-api/landlock.rst``.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

# The same numbers on x86_64 and aarch64.
CREATE_RULESET = 444
ADD_RULE = 445
RESTRICT_SELF = 446
VERSION_FLAG = 1
PATH_BENEATH = 1
PR_SET_NO_NEW_PRIVS = 38

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
# Number of file-system rights that each ABI knows; later ABIs keep the last value.
RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP_RIGHTS = 3  # bind and connect, ABI 4
SCOPES = 3  # abstract Unix sockets and signals, ABI 6


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Return the Landlock ABI of this kernel, 0 where there is none."""
    version = _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(VERSION_FLAG))
    return max(0, int(version))


def restrict(read: Iterable[str], write: Iterable[str]) -> None:
    """Confine this thread and what it starts to ``read`` (read, execute) and ``write`` (all but execute).

    Paths that do not exist are left out: what is not there needs no right. No TCP from ABI 4 on, no signals and
    abstract sockets to processes outside from ABI 6 on.

    Raises
    ------
    OSError : the kernel refused.
    """
    libc = _libc()
    version = abi()
    if version < 1:
        raise OSError("Landlock is not available in this kernel")
    rights = (1 << RIGHTS_OF_ABI.get(version, 16)) - 1
    ruleset = _Ruleset(rights, TCP_RIGHTS if version >= 4 else 0, SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    handle = libc.syscall(CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint(0))
    if handle < 0:
        _fail("create the rules")
    try:
        for path in read:
            _allow(libc, handle, path, EXECUTE | READ_FILE | READ_DIR)
        for path in write:
            _allow(libc, handle, path, rights & ~EXECUTE)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            _fail("give up new privileges")
        if libc.syscall(RESTRICT_SELF, handle, ctypes.c_uint(0)):
            _fail("apply the rules")
    finally:
        os.close(handle)


def _allow(libc: ctypes.CDLL, handle: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        folder = stat.S_ISDIR(os.fstat(parent).st_mode)
        rule = _PathRule(rights if folder else rights & FILE_RIGHTS, parent)
        if libc.syscall(ADD_RULE, handle, PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint(0)):
            _fail(f"allow {path}")
    finally:
        os.close(parent)


def _fail(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"Landlock: could not {what}: {os.strerror(number)}")
