import os
import time

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        os.close(3)
        time.sleep(600)
