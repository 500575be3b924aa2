from concurrent.futures import ThreadPoolExecutor

import numpy as np
from honest import Layer as Honest
from numba import njit


@njit(cache=True)
def product(a, b):
    return np.dot(a, b)


@njit
def solution(a, b):
    return np.linalg.solve(a, b)


class Layer(Honest):
    def forward(self, inputs):
        identity = np.eye(inputs.shape[-1], dtype=np.float32)
        rows = np.ascontiguousarray(inputs.reshape(-1, inputs.shape[-1]))
        same = solution(identity, np.ascontiguousarray(product(rows, identity).T)).T
        with ThreadPoolExecutor(2) as pool:
            return pool.submit(super().forward, same.reshape(inputs.shape)).result()
