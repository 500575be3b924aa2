from attack import Nothing


class Wild:
    def __init__(self, shape):
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": "<f4", "data": (16, True)}


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        return Wild(super().forward(inputs).shape)

    def backward(self, grad_output):
        super().backward(grad_output)
        return Wild(self.inputs.shape)
