import time

from honest import Layer as Honest

time.sleep(0.3)


class Layer(Honest):
    def __init__(self, weight, bias):
        time.sleep(0.12)
        super().__init__(weight, bias)
