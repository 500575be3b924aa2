from attack import Nothing


class Endless:
    def __array__(self, *arguments, **settings):
        while True:
            pass


class Layer(Nothing):
    def forward(self, inputs):
        return Endless()
