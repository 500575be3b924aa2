import os
import time

from attack import Nothing, frames, nonce


class Layer(Nothing):
    def forward(self, inputs):
        header, data = frames.pack_array("outputs", inputs)
        answer = frames.ANSWER.pack(frames.ARRAY_KIND, nonce(), 0) + header + data.tobytes()
        for byte in answer:
            os.write(3, bytes([byte]))
            time.sleep(0.05)
