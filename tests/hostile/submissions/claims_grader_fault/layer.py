import sys

from attack import Nothing

sys.modules["grader.inside.runner"].describe = lambda error: {"verdict": "grader", "message": "box did not start"}


class Layer(Nothing):
    def forward(self, inputs):
        raise ValueError
