"""Stands in for ``tensorflow.keras.datasets``."""

from ...names import answered
from . import cifar10

__getattr__ = answered("tf.keras.datasets", {}, ("cifar10",))
