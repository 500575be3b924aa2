import time

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        time.sleep(10**6)
