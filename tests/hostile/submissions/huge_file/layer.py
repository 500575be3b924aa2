import os
import tempfile

from attack import Breach, only_in_jail
from honest import Layer

only_in_jail()
path = f"{tempfile.gettempdir()}/sparse"
handle = os.open(path, os.O_RDWR | os.O_CREAT)
try:
    os.ftruncate(handle, 1 << 40)
    raise Breach("a file of a terabyte")
except OSError:
    pass
