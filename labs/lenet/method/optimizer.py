"""Given: optimisers. ``optimizer(param, grad, name)`` returns the new value; ``name`` tells parameters apart."""

import re

import numpy as np


class SGD:
    """Steps against the gradient, with momentum: v <- momentum v + lr g, param <- param - v."""

    def __init__(self, lr=0.01, momentum=0.0):
        self.hyperparams = {"id": "SGD", "lr": lr, "momentum": momentum}
        self.cache = {}

    def __call__(self, param, param_grad, param_name):
        return self.update(param, param_grad, param_name)

    def update(self, param, param_grad, param_name):
        """Return the new value of a parameter."""
        step = self.hyperparams["momentum"] * self.cache.get(param_name, 0) + self.hyperparams["lr"] * param_grad
        self.cache[param_name] = step
        return param - step


class Adam:
    """Kingma and Ba, 2015: steps of a size that does not depend on the gradient's scale."""

    def __init__(self, lr=0.001, decay1=0.9, decay2=0.999, eps=1e-8):
        self.hyperparams = {"id": "Adam", "lr": lr, "decay1": decay1, "decay2": decay2, "eps": eps}
        self.cache = {}

    def __call__(self, param, param_grad, param_name):
        return self.update(param, param_grad, param_name)

    def update(self, param, param_grad, param_name):
        """Return the new value of a parameter."""
        lr, d1, d2, eps = (self.hyperparams[key] for key in ("lr", "decay1", "decay2", "eps"))
        if param_name not in self.cache:
            self.cache[param_name] = {"t": 0, "mean": np.zeros_like(param_grad), "var": np.zeros_like(param_grad)}
        kept = self.cache[param_name]
        kept["t"] += 1
        kept["mean"] = d1 * kept["mean"] + (1 - d1) * param_grad
        kept["var"] = d2 * kept["var"] + (1 - d2) * param_grad**2
        mean = kept["mean"] / (1 - d1 ** kept["t"])
        var = kept["var"] / (1 - d2 ** kept["t"])
        return param - lr * mean / (np.sqrt(var) + eps)


class OptimizerInitializer:
    """Makes an optimiser from its name, as in ``OptimizerInitializer("adam(lr=0.01)")()``; None is SGD.

    Names: ``sgd`` and ``adam``, with settings in parentheses.
    """

    def __init__(self, opt_name=None):
        self.opt_name = opt_name

    def __call__(self):
        if self.opt_name is None:
            return SGD()
        if not isinstance(self.opt_name, str):
            return self.opt_name
        name, _, settings = self.opt_name.lower().partition("(")
        known = {"sgd": SGD, "adam": Adam}
        if name.strip() not in known:
            raise ValueError(f"unknown optimizer {self.opt_name!r}; known: {', '.join(known)}")
        values = re.findall(r"(\w+)\s*=\s*([-+.\de]+)", settings)
        return known[name.strip()](**{key: float(value) for key, value in values})
