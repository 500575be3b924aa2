"""SGD with momentum, and Adam, on lists of parameter arrays, in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import prange

from .buffers import Array
from .compilation import kernel
from .processor import thread_count

SERIAL_ELEMENTS = 1 << 14
"""Below this size starting the threads costs more than the work."""


@kernel(parallel=True)
def _momentum_step(parameter, gradient, velocity, rate, momentum, threads):
    size = parameter.size
    for thread in prange(threads):
        for i in range(size * thread // threads, size * (thread + 1) // threads):
            velocity[i] = momentum * velocity[i] + gradient[i]
            parameter[i] -= rate * velocity[i]


@kernel(parallel=True)
def _adam_step(parameter, gradient, first, second, beta1, beta2, rate, epsilon, threads):
    one = parameter.dtype.type(1)
    size = parameter.size
    for thread in prange(threads):
        for i in range(size * thread // threads, size * (thread + 1) // threads):
            grad = gradient[i]
            first[i] = beta1 * first[i] + (one - beta1) * grad
            second[i] = beta2 * second[i] + (one - beta2) * grad * grad
            parameter[i] -= rate * first[i] / (np.sqrt(second[i]) + epsilon)


def _flat(parameters: Sequence[Array]) -> list[Array]:
    for parameter in parameters:
        if not parameter.flags.c_contiguous:
            raise ValueError("parameters are updated in place and must be contiguous: pass a contiguous copy")
    return [parameter.reshape(-1) for parameter in parameters]


def _threads(size: int) -> int:
    return thread_count() if size > SERIAL_ELEMENTS else 1


class SGD:
    """``velocity = momentum * velocity + gradient; parameter -= rate * velocity``, as in PyTorch."""

    def __init__(self, parameters: Sequence[Array], rate: float, momentum: float = 0.0) -> None:
        self._parameters = _flat(parameters)
        self._velocities = [np.zeros_like(parameter) for parameter in self._parameters]
        self.rate, self.momentum = rate, momentum

    def step(self, gradients: Sequence[Array]) -> None:
        """Update all parameters by gradients in the same order."""
        for parameter, gradient, velocity in zip(self._parameters, gradients, self._velocities, strict=True):
            kind = parameter.dtype.type
            _momentum_step(parameter, np.ascontiguousarray(gradient).reshape(-1), velocity, kind(self.rate),
                           kind(self.momentum), _threads(parameter.size))  # fmt: skip


class Adam:
    """Adam (Kingma and Ba, 2015, algorithm 1), with the bias corrections moved into rate and epsilon."""

    def __init__(self, parameters: Sequence[Array], rate: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 epsilon: float = 1e-8) -> None:  # fmt: skip
        self._parameters = _flat(parameters)
        self._first = [np.zeros_like(parameter) for parameter in self._parameters]
        self._second = [np.zeros_like(parameter) for parameter in self._parameters]
        self.rate, self.betas, self.epsilon, self.steps = rate, betas, epsilon, 0

    def step(self, gradients: Sequence[Array]) -> None:
        """Update all parameters by gradients in the same order."""
        self.steps += 1
        correction = np.sqrt(1 - self.betas[1] ** self.steps)
        rate = self.rate * correction / (1 - self.betas[0] ** self.steps)
        for parameter, gradient, first, second in zip(
            self._parameters, gradients, self._first, self._second, strict=True
        ):
            kind = parameter.dtype.type
            _adam_step(
                parameter,
                np.ascontiguousarray(gradient).reshape(-1),
                first,
                second,
                kind(self.betas[0]),
                kind(self.betas[1]),
                kind(rate),
                kind(self.epsilon * correction),
                _threads(parameter.size),
            )
