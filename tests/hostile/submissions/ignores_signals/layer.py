import signal

from attack import Nothing

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)


class Layer(Nothing):
    def forward(self, inputs):
        while True:
            pass
