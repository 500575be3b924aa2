import os
import time

from attack import Breach, only_in_jail
from honest import Layer

only_in_jail()
made = 0
for _ in range(200):
    try:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
    except OSError:
        break
if made:
    raise Breach(f"{made} processes")
