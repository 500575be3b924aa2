"""Stands in for ``tensorflow.keras.optimizers``."""

from ..names import answered

__getattr__ = answered("tf.keras.optimizers", {"Adam": ("layers", "Adam")})
