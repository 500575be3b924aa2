import os
import signal
import time

from honest import Layer


def leave():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, 1024)
    time.sleep(60)
    os._exit(0)


try:
    leave()
except OSError:
    pass
