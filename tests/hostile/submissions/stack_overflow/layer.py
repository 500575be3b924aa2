import sys

from attack import Nothing

sys.setrecursionlimit(10**8)


class Deep:
    def __repr__(self):
        return repr([Deep()])


class Layer(Nothing):
    def forward(self, inputs):
        return repr(Deep())
