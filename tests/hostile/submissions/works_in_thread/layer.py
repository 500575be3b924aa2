import threading
import time

from attack import Nothing
from honest import Layer as Honest


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        found = Nothing.forward(self, inputs)

        def work():
            time.sleep(0.3)
            found[...] = Honest(self.weight, self.bias).forward(inputs)

        threading.Thread(target=work, daemon=True).start()
        return found
