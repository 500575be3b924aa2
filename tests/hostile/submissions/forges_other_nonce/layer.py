import os

from attack import Nothing, frames


class Layer(Nothing):
    def forward(self, inputs):
        os.write(3, frames.ANSWER.pack(frames.DONE_KIND, 42, 2) + b"{}")
        return super().forward(inputs)
