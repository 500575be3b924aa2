import os
import signal

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        os.kill(os.getpid(), signal.SIGKILL)
