import os

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def forward(self, inputs):
        text = b'{"a":' + b"[" * 60000
        os.write(3, frames.ANSWER.pack(frames.ERROR_KIND, nonce(), len(text)) + text)
