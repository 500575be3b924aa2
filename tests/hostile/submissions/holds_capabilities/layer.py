import ctypes

from attack import Breach
from honest import Layer

VERSION_3 = 0x20080522
READ_PAST_MODES = 1 << 2  # kept where the interpreter cannot be read otherwise; Landlock decides then
libc = ctypes.CDLL(None, use_errno=True)
header = (ctypes.c_uint32 * 2)(VERSION_3, 0)
sets = (ctypes.c_uint32 * 6)()
if libc.capget(header, sets):
    raise Breach("capget failed")
effective, permitted = sets[0] | sets[3] << 32, sets[1] | sets[4] << 32
if (effective | permitted) & ~READ_PAST_MODES:
    raise Breach(f"capabilities {effective:#x}, {permitted:#x}")
