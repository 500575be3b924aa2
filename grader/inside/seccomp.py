"""Seccomp filter of the worker: what a numeric module never needs is refused with ``EPERM``.

A deny list, because glibc, NumPy, Numba and LLVM use an open-ended set of calls. Everything is refused that makes
processes, reaches a network, touches other processes, changes namespaces, mounts, identity or limits, or takes
memory that no limit counts. A refused call is a ``PermissionError`` in Python, so honest code gets a readable
message. Calls newer than this list do not exist for the worker (``ENOSYS``, on which libraries fall back).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
DENY = 0x00050000 | errno.EPERM
NO_SUCH_CALL = 0x00050000 | errno.ENOSYS

# Offsets in struct seccomp_data; arguments are 64 bits wide, the low half first.
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1), "arm64": (0xC00000B7, 1)}
X32_BIT = 0x40000000
FIRST_UNKNOWN_CALL = 457  # statmount; numbers from 424 on are the same on every architecture

CLONE_THREAD = 0x00010000
CLONE_NEW_ANYTHING = 0x7E020080
ALLOWED_PRCTL = (
    15,  # PR_SET_NAME
    16,  # PR_GET_NAME
    23,  # PR_CAPBSET_READ
    3,  # PR_GET_DUMPABLE
    39,  # PR_GET_NO_NEW_PRIVS
    0x53564D41,  # PR_SET_VMA, with which allocators name their memory
)
# fcntl and ioctl commands that have the kernel send signals to a process of one's choice, grow a pipe, hold up all
# others who open a file (a lease on a package's file stops every neighbour), or tell what happens in a folder.
# F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ
DENIED_FCNTL = (8, 10, 15, 1024, 1026, 1031)
DENIED_IOCTL = (0x5412, 0x541C, 0x5452, 0x8901, 0x8902)  # TIOCSTI, TIOCLINUX, FIOASYNC, FIOSETOWN, SIOCSPGRP

# name: (x86_64, aarch64); None where the architecture has no such call.
SECCOMP = (317, 277)
CLONE = (56, 220)
CLONE3 = (435, 435)
PRCTL = (157, 167)
PRLIMIT = (302, 261)
FCNTL = (72, 25)
IOCTL = (16, 29)
SIGNAL_CALLS = ((62, 129), (234, 131), (200, 130), (129, 138), (297, 240))  # kill tgkill tkill [rt_]sigqueueinfo

DENIED: dict[str, tuple[int | None, int | None]] = {
    # processes
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "setsid": (112, 157), "setpgid": (109, 154),
    # scheduling and limits
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "sched_setparam": (142, 118), "setpriority": (141, 140), "ioprio_set": (251, 30), "setrlimit": (160, 164),
    "personality": (135, 92),
    # identity
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "capset": (126, 91),
    # network and other ways to reach a peer
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "recvfrom": (45, 207), "recvmsg": (47, 212), "recvmmsg": (299, 243), "setsockopt": (54, 208),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # contexts in the kernel that no limit of a process counts, and watches over what others do with files
    "io_setup": (206, 0), "io_destroy": (207, 1), "io_submit": (209, 2), "io_cancel": (210, 3),
    "io_getevents": (208, 4), "io_pgetevents": (333, 292), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27), "inotify_rm_watch": (255, 28), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # memory that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "mlock": (149, 228),
    "mlockall": (151, 230), "mlock2": (325, 284), "mbind": (237, 235), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "userfaultfd": (323, 282),
    # namespaces, mounts, kernel
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "quotactl_fd": (443, 443), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "mknod": (133, None), "mknodat": (259, 33), "bpf": (321, 280), "perf_event_open": (298, 241),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "syslog": (103, 116), "quotactl": (179, 60), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161),
    "setdomainname": (171, 162), "lookup_dcookie": (212, 18), "vhangup": (153, 58),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "seccomp": SECCOMP,
    # owner, mode, times and attributes of any file of the same user: Landlock does not govern these
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    # the whole machine's disks
    "sync": (162, 81), "syncfs": (306, 267),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def supported() -> bool:
    """Tell whether the filter is written for this processor."""
    return platform.machine() in ARCHITECTURES


def program(own_pid: int) -> bytes:
    """Return the filter as BPF instructions; ``own_pid`` is the one process that may be signalled."""
    architecture, column = ARCHITECTURES[platform.machine()]
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL_PROCESS),  # 32-bit calls have other numbers and would pass the list unseen
        (LOAD, 0, 0, NUMBER),
    ]
    if column == 0:
        code += [(AT_LEAST, 0, 1, X32_BIT), (RETURN, 0, 0, KILL_PROCESS)]
    code += [(AT_LEAST, 0, 1, FIRST_UNKNOWN_CALL), (RETURN, 0, 0, NO_SUCH_CALL)]

    def on(numbers: tuple[int | None, int | None], body: list[Instruction]) -> None:
        number = numbers[column]
        if number is not None:
            code.append((EQUAL, 0, len(body), number))
            code.extend(body)

    # glibc falls back from clone3, whose flags lie in memory, to clone, whose flags can be read here.
    on(CLONE3, [(RETURN, 0, 0, NO_SUCH_CALL)])
    on(
        CLONE,
        [_argument(0), (ANY_BIT, 0, 2, CLONE_THREAD), (ANY_BIT, 1, 0, CLONE_NEW_ANYTHING), *_allow(), *_deny()],
    )
    on(PRCTL, [_argument(0), *_only(ALLOWED_PRCTL)])
    # prlimit(pid, resource, new, old) may read: both halves of the pointer `new` must be zero.
    on(PRLIMIT, [_argument(2), (EQUAL, 0, 3, 0), _argument(2, high=True), (EQUAL, 0, 1, 0), *_allow(), *_deny()])
    on(FCNTL, [_argument(1), *_all_but(DENIED_FCNTL)])
    on(IOCTL, [_argument(1), *_all_but(DENIED_IOCTL)])
    for call in SIGNAL_CALLS:
        on(call, [_argument(0), *_only((own_pid,))])
    for call_numbers in DENIED.values():
        on(call_numbers, _deny())
    code += _allow()
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def install(instructions: bytes) -> None:
    """Load the filter into every thread of this process; it can never be taken off.

    Raises
    ------
    OSError : the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "could not give up new privileges")
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    filter_program = _Program(len(instructions) // 8, ctypes.addressof(buffer))
    number = SECCOMP[ARCHITECTURES[platform.machine()][1]]
    if libc.syscall(number, ctypes.c_uint(1), ctypes.c_uint(1), ctypes.byref(filter_program)):
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp filter refused: {os.strerror(code)}")


def _argument(index: int, *, high: bool = False) -> Instruction:
    return (LOAD, 0, 0, ARGUMENTS + 8 * index + (4 if high else 0))


def _allow() -> list[Instruction]:
    return [(RETURN, 0, 0, ALLOW)]


def _deny() -> list[Instruction]:
    return [(RETURN, 0, 0, DENY)]


def _only(values: tuple[int, ...]) -> list[Instruction]:
    body: list[Instruction] = []
    for value in values:
        body += [(EQUAL, 0, 1, value & 0xFFFFFFFF), *_allow()]
    return body + _deny()


def _all_but(values: tuple[int, ...]) -> list[Instruction]:
    body: list[Instruction] = []
    for value in values:
        body += [(EQUAL, 0, 1, value), *_deny()]
    return body + _allow()
