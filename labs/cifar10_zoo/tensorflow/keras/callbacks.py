"""Stands in for ``tensorflow.keras.callbacks``."""

from ..names import answered

__getattr__ = answered("tf.keras.callbacks", {"ModelCheckpoint": ("model", "ModelCheckpoint")})
