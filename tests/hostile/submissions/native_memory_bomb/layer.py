import ctypes

from attack import Nothing, only_in_jail


class Layer(Nothing):
    def forward(self, inputs):
        only_in_jail()
        libc = ctypes.CDLL(None)
        libc.malloc.restype = ctypes.c_void_p
        libc.malloc.argtypes = [ctypes.c_size_t]
        while True:
            ctypes.memset(libc.malloc(1 << 24), 1, 1 << 24)
