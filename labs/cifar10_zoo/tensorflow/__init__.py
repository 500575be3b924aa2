"""Given: stands in for TensorFlow, for the networks of the course as they are written there.

Its names are those of your own layers, losses and networks; nothing here computes anything. It has what the course's
networks and their training use, and says so of whatever it lacks.
"""

from . import keras, random
from .names import answered, explain_missing_modules

explain_missing_modules()
__getattr__ = answered("tf", {"concat": ("layers", "concat")}, ("keras", "random"))
