import os
import threading
import time

from attack import frames
from honest import Layer as Honest

written = threading.Event()


def write():
    while True:
        time.sleep(0.001)
        os.write(3, frames.ANSWER.pack(frames.DONE_KIND, 1, 2) + b"{}")
        written.set()


threading.Thread(target=write, daemon=True).start()


class Layer(Honest):
    def __init__(self, *arguments):
        # A quick check could end before the thread's first turn.
        written.wait()
        super().__init__(*arguments)
