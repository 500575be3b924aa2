"""The checks of the style transfer lab: layers in both versions, losses, optimiser, and the network's gradients.

Every call into a submission gets fresh copies: some right submissions change their input in place.
"""

# The parts, in the order of their checks.
from . import checks_layers, checks_network, checks_fast  # isort: skip
from .checks_network import demo
