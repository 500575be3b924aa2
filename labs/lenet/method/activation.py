"""Given: activation functions. Each is called with an array, and has `grad`, its derivative at the same array."""

import re

import numpy as np


class Affine:
    """f(x) = slope * x + intercept; with the defaults, f(x) = x."""

    def __init__(self, slope=1, intercept=0):
        self.slope = slope
        self.intercept = intercept

    def __str__(self):
        return f"Affine(slope={self.slope}, intercept={self.intercept})"

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        """Return f(x)."""
        return x if (self.slope, self.intercept) == (1, 0) else self.slope * x + self.intercept

    def grad(self, x):
        """Return f'(x)."""
        return np.full_like(x, self.slope)


class Sigmoid:
    """f(x) = 1 / (1 + exp(-x))."""

    def __str__(self):
        return "Sigmoid"

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        """Return f(x)."""
        # tanh does not overflow, exp(-x) does.
        return 0.5 * np.tanh(0.5 * x) + 0.5

    def grad(self, x):
        """Return f'(x) = f(x) (1 - f(x))."""
        y = self.forward(x)
        return y * (1 - y)


class Tanh:
    """f(x) = tanh(x)."""

    def __str__(self):
        return "Tanh"

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        """Return f(x)."""
        return np.tanh(x)

    def grad(self, x):
        """Return f'(x) = 1 - tanh(x)^2."""
        return 1 - np.tanh(x) ** 2


class ReLU:
    """f(x) = max(0, x)."""

    def __str__(self):
        return "ReLU"

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        """Return f(x)."""
        return np.maximum(x, 0)

    def grad(self, x):
        """Return f'(x): 1 where x > 0, else 0."""
        return (x > 0).astype(x.dtype)


class ActivationInitializer:
    """Makes an activation function from its name, as in ``ActivationInitializer("sigmoid")()``.

    Names: ``sigmoid``, ``tanh``, ``relu``, ``affine(slope=1, intercept=0)``; None is f(x) = x.
    """

    def __init__(self, acti_name=None):
        self.acti_name = acti_name

    def __call__(self):
        if self.acti_name is None:
            return Affine()
        name = str(self.acti_name).lower()
        if name.startswith("affine"):
            numbers = re.findall(r"=\s*([-+.\de]+)", name)
            return Affine(*(float(number) for number in numbers))
        known = {"sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU}
        if name not in known:
            raise ValueError(f"unknown activation function {self.acti_name!r}; known: affine, {', '.join(known)}")
        return known[name]()
