import os

from honest import Layer

hoard = []
try:
    for _ in range(100_000):
        hoard.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
