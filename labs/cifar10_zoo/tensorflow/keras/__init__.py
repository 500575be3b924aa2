"""Stands in for ``tensorflow.keras``."""

from ..names import answered
from . import callbacks, datasets, layers, losses, models, optimizers, regularizers

__getattr__ = answered(
    "tf.keras",
    {"Model": ("model", "Model"), "Sequential": ("layers", "Sequential")},
    ("callbacks", "datasets", "layers", "losses", "models", "optimizers", "regularizers"),
)
