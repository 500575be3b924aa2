"""Stands in for ``tensorflow.keras.models``."""

from ..names import answered

__getattr__ = answered("tf.keras.models", {"Model": ("model", "Model"), "Sequential": ("layers", "Sequential")})
