import signal
import time

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        time.sleep(5)
