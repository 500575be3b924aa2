import ctypes
import os
import platform

from attack import Breach, only_in_jail
from honest import Layer

only_in_jail()
libc = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "socket": 41, "socketpair": 53, "ptrace": 101, "memfd_create": 319, "bpf": 321, "perf_event_open": 298,
    "keyctl": 250, "add_key": 248, "userfaultfd": 323, "io_uring_setup": 425, "open_by_handle_at": 304,
    "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240, "seccomp": 317, "kcmp": 312, "fanotify_init": 300,
    "mount_setattr": 442, "fsopen": 430, "open_tree": 428, "pidfd_open": 434, "setns": 308, "pivot_root": 155,
    "init_module": 175, "kexec_load": 246, "settimeofday": 164, "syslog": 103, "iopl": 172, "memfd_secret": 447,
    "personality": 135, "swapon": 167, "acct": 163, "quotactl": 179, "io_setup": 206,
    "inotify_init": 253, "inotify_add_watch": 254, "fanotify_mark": 301,
}  # fmt: skip
if platform.machine() == "x86_64":
    for name, number in CALLS.items():
        arguments = [ctypes.c_long(value) for value in (1, 1, 0, 0, 0, 0)]
        result = libc.syscall(ctypes.c_long(number), *arguments)
        if result >= 0 or ctypes.get_errno() not in (1, 38):
            raise Breach(f"{name}: {result}, error {os.strerror(ctypes.get_errno())}")
