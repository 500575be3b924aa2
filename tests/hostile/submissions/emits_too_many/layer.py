import sys

from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        frame = sys._getframe()
        while "student" not in frame.f_locals:
            frame = frame.f_back
        for number in range(1000):
            frame.f_locals["student"].emit(f"n{number}", inputs)
        return super().forward(inputs)
