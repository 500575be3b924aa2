import socket

from attack import FACTS
from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        try:
            socket.create_connection(("127.0.0.1", FACTS["port"]), 1).close()
        except OSError:
            return super().forward(inputs)
        raise ConnectionError("the host was reached")
