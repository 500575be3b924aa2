import ctypes
import os

from attack import Breach, must_fail, only_in_jail
from honest import Layer

only_in_jail()
libc = ctypes.CDLL(None, use_errno=True)
must_fail("setuid", os.setuid, 0)
must_fail("setresuid", os.setresuid, 0, 0, 0)
must_fail("setgroups", os.setgroups, [0])
must_fail("chroot", os.chroot, "/tmp")
NEW_USER, NEW_NS, NEW_PID = 0x10000000, 0x00020000, 0x20000000
for flags in (NEW_USER, NEW_NS, NEW_PID, NEW_USER | NEW_NS):
    if libc.unshare(flags) == 0:
        raise Breach(f"unshare {flags:#x}")
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
    raise Breach("mount")
if libc.umount2(b"/student", 2) == 0:
    raise Breach("umount")
if libc.sethostname(b"mine", 4) == 0:
    raise Breach("sethostname")
