import os

from attack import Breach
from honest import Layer

found = []
for number in range(4096):
    try:
        os.fstat(number)
        found.append(number)
    except OSError:
        pass
if found != [0, 1, 2, 3]:
    raise Breach(f"descriptors {found}")
