import re

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        re.match(r"(a+)+$", "a" * 64 + "b")
