import os

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def forward(self, inputs):
        os.write(3, frames.ANSWER.pack(frames.DONE_KIND, nonce(), 6) + b'["ok"]')
