"""The layers of VGG16 on the engine: a second implementation, which shares no line of arithmetic with the textbook.

Where ``EXACT`` is set, everything is computed in float64 by sums as they are defined, to be compared with what the
solution returns; elsewhere in float32 by the fastest algorithms, to be timed. Flattening moves no number and has no
operator. The network and the loading of its parameters are those of the solution, ``vgg.py``.
"""

import numpy as np
from engine import relu, relu_backward, softmax_cross_entropy
from engine.plain import PlainConvolution, PlainMaxPool, times, times_transposed, working_type
from exactness import EXACT

DTYPE = working_type(EXACT)


class WithParameters:
    """What both kinds of layers with parameters have in common."""

    def __init__(self, *shape):
        self.weight = np.zeros(shape, np.float32)
        self.bias = np.zeros(shape[0], np.float32)

    def load_params(self, weight, bias):
        assert weight.shape == self.weight.shape, f"weight: expected {self.weight.shape}, got {weight.shape}"
        assert bias.shape == self.bias.shape, f"bias: expected {self.bias.shape}, got {bias.shape}"
        self.weight, self.bias = weight, bias


class ConvolutionLayer(WithParameters):
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        super().__init__(out_channels, in_channels, kernel_size, kernel_size)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.padding, self.stride = kernel_size, padding, stride

    def load_params(self, weight, bias):
        super().load_params(weight, bias)
        self.operator = PlainConvolution(weight, bias, stride=self.stride, padding=self.padding, exact=EXACT)

    def forward(self, inputs):
        return self.operator.forward(inputs)

    def backward(self, out_grad):
        return self.operator.backward(out_grad)[0]


class MaxPoolLayer(PlainMaxPool):
    def __init__(self, kernel_size=2, stride=2):
        super().__init__(kernel_size, stride, exact=EXACT)
        self.kernel_size = kernel_size


class ReluLayer:
    def forward(self, inputs):
        self.outputs = relu(np.asarray(inputs, DTYPE))
        return self.outputs

    def backward(self, out_grad):
        return relu_backward(self.outputs, np.asarray(out_grad, DTYPE))


class FlattenLayer:
    def forward(self, inputs):
        self.input_shape = inputs.shape
        return inputs.reshape(len(inputs), -1)

    def backward(self, out_grad):
        return out_grad.reshape(self.input_shape)


class FullyConnectLayer(WithParameters):
    def __init__(self, in_features, out_features):
        super().__init__(out_features, in_features)

    def forward(self, inputs):
        return times_transposed(inputs, self.weight, self.bias, exact=EXACT)

    def backward(self, out_grad):
        return times(out_grad, self.weight, exact=EXACT)


class CrossEntropy:
    def forward(self, logits, labels):
        loss, self.gradient = softmax_cross_entropy(np.asarray(logits, DTYPE), labels)
        return np.asarray(loss, DTYPE)

    def backward(self):
        return self.gradient
