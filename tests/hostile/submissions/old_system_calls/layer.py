import ctypes
import mmap
import platform

from attack import Nothing

# mov eax, 20 (getpid); int 0x80; ret
CODE = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
SIGSYS = 31


class Layer(Nothing):
    def forward(self, inputs):
        if platform.machine() != "x86_64":
            import os

            os.kill(os.getpid(), SIGSYS)
        area = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        area.write(CODE)
        function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))
        return function()
