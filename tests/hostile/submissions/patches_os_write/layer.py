import os

from honest import Layer

os.write = lambda descriptor, data: len(memoryview(data).cast("B"))
