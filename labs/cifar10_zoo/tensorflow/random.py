"""Stands in for ``tensorflow.random``."""

from .names import answered

__getattr__ = answered("tf.random", {"set_seed": ("tape", "set_seed")})
