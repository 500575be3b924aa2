import signal
import threading

from attack import Nothing

signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
lock = threading.Lock()


class Layer(Nothing):
    def forward(self, inputs):
        lock.acquire()
        lock.acquire()
