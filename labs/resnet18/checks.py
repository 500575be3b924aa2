"""The checks of the ResNet lab: operators, LeNet-5, the residual block, ResNet18, and what a shortcut is worth.

Every call into a submission gets fresh copies: some right submissions change their input in place.
"""

# The parts, in the order of their checks.
from . import checks_layers, checks_backward, checks_lenet, checks_resnet, checks_training, checks_optional  # isort: skip
from .checks_measured import layers  # isort: skip

__all__ = ["layers"]
