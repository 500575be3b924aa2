"""The checks of the lab cifar10_zoo: layers, six networks, training.

Pictures are (N, rows, columns, channels), kernels (rows, columns, inputs, outputs). Every call into a submission gets fresh
copies: some right submissions change their input in place. Cases that the course's own networks use and more general ones
have makers of their own.
"""

# The parts, in the order of their checks.
from . import checks_layers, checks_normalization, checks_loss, checks_nets, checks_training  # isort: skip
from .checks_measured import layers  # isort: skip

__all__ = ["layers"]
