import os

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def send(self, text):
        os.write(3, frames.ANSWER.pack(frames.DONE_KIND, nonce(), len(text)) + text)

    def forward(self, inputs):
        self.send(b'{"emitted": ' + b"9" * 60000 + b"}")

    def backward(self, grad_output):
        self.send(b'{"emitted": NaN}')
