from attack import Nothing


class Endless(Exception):
    def __str__(self):
        while True:
            pass


class Layer(Nothing):
    def forward(self, inputs):
        raise Endless
