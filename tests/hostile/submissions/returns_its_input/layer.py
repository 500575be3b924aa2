from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        return inputs

    def backward(self, grad_output):
        self.grad_weight = grad_output
        return grad_output
