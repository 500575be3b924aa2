import os

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def forward(self, inputs):
        header, data = frames.pack_array("outputs", inputs)
        os.write(3, frames.ANSWER.pack(frames.ARRAY_KIND, nonce(), 0) + header)
        os.write(3, data.tobytes()[:100])
        os._exit(0)
