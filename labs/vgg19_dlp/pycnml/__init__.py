"""An emulator of ``pycnml``, the Python interface of a deep-learning processor that computes with 8-bit integers.

Classes, methods, names and order of arguments, indices and printed lines are those of the library; the arithmetic is
done with NumPy on any computer, with the number formats that the library hands to the device:

====================  ==================================================================================
picture               float64 as given, float32, then float16
activations           float16 between all layers
inputs of a sum       float16 to int8 with the layer's `QuantParam`
weights               convolution: float32 to int8; fully connected: float32 to float16 to int8
sums                  products of int8, added in int32
result of a layer     float32(sum) * 2^(p_i + p_w) / (s_i * s_w) + bias, in float32, then float16
====================  ==================================================================================

What could not be compared with a device, because none was at hand: the order of the last float32 operations, how the
softmax rounds between its steps, and what happens beyond float16 (an error here). No hardware time follows from the
time of a forward pass here.
"""

from .errors import CnmlError
from .net import CnmlNet
from .quantization import QuantParam, QuantTool
from .vectors import DoubleVector, FloatVector, IntVector

CNML_MLU100, CNML_MLU270, CNML_MLU220 = 3, 5, 6

__all__ = [
    "CNML_MLU100",
    "CNML_MLU220",
    "CNML_MLU270",
    "CnmlError",
    "CnmlNet",
    "DoubleVector",
    "FloatVector",
    "IntVector",
    "QuantParam",
    "QuantTool",
]
