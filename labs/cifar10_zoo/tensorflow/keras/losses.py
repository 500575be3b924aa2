"""Stands in for ``tensorflow.keras.losses``."""

from ..names import answered

__getattr__ = answered(
    "tf.keras.losses", {"SparseCategoricalCrossentropy": ("layers", "SparseCategoricalCrossentropy")}
)
