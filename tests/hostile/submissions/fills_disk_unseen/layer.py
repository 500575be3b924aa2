import os
import tempfile
import time

from attack import Nothing, only_in_jail


class Layer(Nothing):
    def forward(self, inputs):
        only_in_jail()
        hoard = []
        for number in range(30):
            path = f"{tempfile.gettempdir()}/{number}"
            hoard.append(os.open(path, os.O_RDWR | os.O_CREAT))
            os.unlink(path)
            os.write(hoard[-1], b"x" * (1 << 22))
        time.sleep(5)
