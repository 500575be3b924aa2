import sys

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        sys.exit(0)

    backward = forward
