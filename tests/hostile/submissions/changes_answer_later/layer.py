import threading
import time

from attack import Nothing
from honest import Layer as Honest


class Layer(Nothing):
    def forward(self, inputs):
        found = super().forward(inputs)
        honest = Honest(self.weight, self.bias)

        def fill():
            time.sleep(0.5)
            found[...] = honest.forward(inputs)

        threading.Thread(target=fill, daemon=True).start()
        return found
