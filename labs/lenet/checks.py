"""The checks of the LeNet lab: padding, convolution twice, pooling, all gradients, the network and its training.

Pictures are (N, rows, columns, channels), weights (rows, columns, input channels, output channels). Every call into a
submission gets fresh copies: some right submissions change their input in place.
"""

# The parts, in the order of their checks.
from . import checks_padding, checks_layers, checks_network, checks_optional  # isort: skip
