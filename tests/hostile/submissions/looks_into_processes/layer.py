import ctypes
import os

from attack import FACTS, Breach, only_in_jail
from honest import Layer

only_in_jail()
libc = ctypes.CDLL(None, use_errno=True)
ATTACH = 16
for pid in (os.getppid(), FACTS["grader_pid"], 1):
    if libc.ptrace(ATTACH, pid, 0, 0) == 0:
        raise Breach("ptrace")
    buffer = ctypes.create_string_buffer(64)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 64)
    remote = (ctypes.c_size_t * 2)(0x400000, 64)
    for call in (libc.process_vm_readv, libc.process_vm_writev):
        if call(pid, local, 1, remote, 1, 0) >= 0:
            raise Breach("memory of another process")
for option, value in ((4, 0), (1, 0), (0x59616D61, -1), (36, 1), (22, 0), (8, 1)):
    if libc.prctl(option, value, 0, 0, 0) == 0:
        raise Breach(f"prctl {option}")
