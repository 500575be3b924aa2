"""The instructor's engine: the operators of convolutional networks on the CPU, in numpy and numba.

Plain arrays in, plain arrays out:

>>> import numpy as np
>>> from reference.engine import conv2d
>>> pictures = np.ones((1, 3, 8, 8), np.float32)
>>> conv2d(pictures, np.ones((16, 3, 3, 3), np.float32), padding=1).shape
(1, 16, 8, 8)

Whole networks, whose activations stay in the engine's layout between layers, are in ``nets``; a
convolution prepared once and run many times is :class:`Convolution`. ``docs/engine.md`` explains the
algorithms. Importing compiles nothing; the first call of an operator compiles its kernels and keeps
them on disk (``compilation``).
"""

from .convolution import ALGORITHMS, Convolution, choose_algorithm
from .elementwise import (
    dropout,
    flatten,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax_cross_entropy,
)
from .integer import IntegerConvolution, conv2d_int8, linear_int8
from .linear import LinearGradients
from .losses import content_loss, gram_matrix, style_loss
from .matrix import matmul, matmul_transposed
from .normalization import BatchNorm, batch_norm, batch_norm_backward
from .operators import (
    ConvolutionGradients,
    avg_pool2d,
    avg_pool2d_backward,
    conv2d,
    conv2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    linear_backward,
    linear_forward,
    lp_pool2d,
    lp_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from .optimizers import SGD, Adam
from .processor import PROCESSOR, thread_count

__all__ = [
    "ALGORITHMS",
    "PROCESSOR",
    "SGD",
    "Adam",
    "BatchNorm",
    "Convolution",
    "ConvolutionGradients",
    "IntegerConvolution",
    "LinearGradients",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "choose_algorithm",
    "content_loss",
    "conv2d",
    "conv2d_backward",
    "conv2d_int8",
    "dropout",
    "flatten",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "gram_matrix",
    "linear_backward",
    "linear_forward",
    "linear_int8",
    "lp_pool2d",
    "lp_pool2d_backward",
    "matmul",
    "matmul_transposed",
    "max_pool2d",
    "max_pool2d_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax_cross_entropy",
    "style_loss",
    "thread_count",
]
