import os
import threading
import time

from attack import frames
from honest import Layer as Honest


def write():
    while True:
        time.sleep(0.001)
        os.write(3, frames.ANSWER.pack(frames.DONE_KIND, 1, 2) + b"{}")


threading.Thread(target=write, daemon=True).start()
Layer = Honest
