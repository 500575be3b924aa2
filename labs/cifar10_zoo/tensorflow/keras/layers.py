"""Stands in for ``tensorflow.keras.layers``."""

from ..names import answered

NAMES = (
    "Activation", "BatchNormalization", "Concatenate", "Conv2D", "Dense", "Dropout", "Flatten", "GlobalAveragePooling2D",
    "MaxPool2D",
)  # fmt: skip
OTHER = {"MaxPooling2D": "MaxPool2D", "GlobalAvgPool2D": "GlobalAveragePooling2D"}

__getattr__ = answered(
    "tf.keras.layers",
    {**{name: ("layers", name) for name in NAMES}, **{name: ("layers", own) for name, own in OTHER.items()}},
)
