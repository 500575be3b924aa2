"""Stands in for ``tensorflow.keras.datasets.cifar10``: the pictures that come with the lab, not all of CIFAR-10."""

from pathlib import Path

import numpy as np

from ...names import answered

SUBSET = Path(__file__).resolve().parents[3] / "cifar10_subset.npz"


def load_data():
    """Return ((x_train, y_train), (x_test, y_test)): uint8 (N, 32, 32, 3) and (N, 1), 1000 and 200 pictures."""
    with np.load(SUBSET) as stored:
        x_train, y_train, x_test, y_test = (stored[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train.reshape(-1, 1)), (x_test, y_test.reshape(-1, 1))


__getattr__ = answered("tf.keras.datasets.cifar10", {}, ("load_data",))
