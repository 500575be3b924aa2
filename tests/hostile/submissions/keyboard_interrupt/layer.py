from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        raise KeyboardInterrupt

    def backward(self, grad_output):
        raise GeneratorExit
