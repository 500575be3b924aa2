import time

from honest import Layer as Honest


class Later:
    def __init__(self, make):
        self.make = make

    def __array__(self, *arguments, **settings):
        time.sleep(0.1)
        return self.make()


class Layer(Honest):
    def forward(self, inputs):
        self.inputs = inputs
        return Later(lambda: Honest.forward(self, inputs))
