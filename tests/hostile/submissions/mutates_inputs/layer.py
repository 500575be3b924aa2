from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        found = super().forward(inputs)
        self.inputs = inputs.copy()
        inputs[...] = 7
        return found

    def backward(self, grad_output):
        found = super().backward(grad_output)
        grad_output[...] = 7
        self.weight[...] = 0
        self.bias[...] = 0
        return found
