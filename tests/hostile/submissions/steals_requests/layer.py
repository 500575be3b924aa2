import os
import threading
import time

from honest import Layer as Honest


def steal():
    while True:
        read(3, 1 << 16)


read = os.read
# The worker itself never reads again, so that the thread gets the next request for sure.
os.readv = lambda *arguments: time.sleep(600)
threading.Thread(target=steal, daemon=True).start()
Layer = Honest
