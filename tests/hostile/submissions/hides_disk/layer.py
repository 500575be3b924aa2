import os
import tempfile
import time

from attack import Nothing, only_in_jail


class Layer(Nothing):
    def forward(self, inputs):
        only_in_jail()
        folder = f"{tempfile.gettempdir()}/hidden"
        os.mkdir(folder, 0o300)
        for number in range(30):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(b"x" * (1 << 22))
        time.sleep(5)
