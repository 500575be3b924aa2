import numba
from attack import Nothing


@numba.njit
def endless(x):
    while x > 0:
        x += 1
        if x > 1 << 40:
            x = 1
    return x


class Layer(Nothing):
    def __init__(self, weight, bias):
        endless(1)
