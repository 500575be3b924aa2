import threading
import time

from attack import Breach, only_in_jail
from honest import Layer

only_in_jail()
made = 0
try:
    for _ in range(5000):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        made += 1
except (RuntimeError, MemoryError):
    pass
if made > 100:
    raise Breach(f"{made} threads")
