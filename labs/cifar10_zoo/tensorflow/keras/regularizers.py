"""Stands in for ``tensorflow.keras.regularizers``: layers take them as ``kernel_regularizer`` and are as they were."""

from ..names import answered


class Unused:
    """A regularizer that nothing asks."""

    def __init__(self, *factors, **named):
        self.factors = factors or tuple(named.values())


l1 = L1 = l2 = L2 = l1_l2 = L1L2 = Unused

__getattr__ = answered("tf.keras.regularizers", {}, ("l1", "l2", "l1_l2"))
