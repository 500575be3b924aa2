import sys

from attack import Nothing

sys.setrecursionlimit(20_000)


class Layer(Nothing):
    def deep(self, left, cause):
        if left:
            return self.deep(left - 1, cause)
        raise ValueError(left) from cause

    def forward(self, inputs):
        error = ValueError("first")
        for number in range(10_000):
            later = ValueError(number)
            later.__cause__ = error
            error = later
        self.deep(900, error)
