from attack import Nothing


class Endless:
    def __array__(self, *arguments, **settings):
        while True:
            pass


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        return Endless()

    def backward(self, grad_output):
        super().backward(grad_output)
        return Endless()
