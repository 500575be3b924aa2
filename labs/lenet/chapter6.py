"""Given, from the chapter on fully connected networks: the base class of layers, loss, softmax, mini-batches."""

from abc import ABC, abstractmethod

import numpy as np
from method.activation import ActivationInitializer
from method.optimizer import OptimizerInitializer
from method.weight import WeightInitializer


class LayerBase(ABC):
    """What all layers have in common.

    Attributes
    ----------
    X : list of arrays
        Inputs of the forward passes since the last `flush_gradients`.
    params, gradients : dict of arrays
        Parameters by name (``W``, ``b``), and the gradients of the loss with respect to them, under the same names.
    derived_variables : dict of lists
        Whatever else a forward pass keeps for the backward pass, a list for each name.
    """

    def __init__(self, optimizer=None):
        self.X = []
        self.params = {}
        self.gradients = {}
        self.derived_variables = {}
        self.acti_fn = None
        self.optimizer = OptimizerInitializer(optimizer)()

    @abstractmethod
    def _init_params(self):
        """Make the parameters; called by the first forward pass, which knows the shape of the input."""

    @abstractmethod
    def forward(self, X, retain_derived=True):
        """Return the output, and keep what `backward` needs if ``retain_derived``."""

    @abstractmethod
    def backward(self, dLda, retain_grads=True):
        """Return the gradient of the input, and add those of the parameters if ``retain_grads``."""

    def flush_gradients(self):
        """Forget inputs, kept values and gradients."""
        self.X = []
        for name in self.derived_variables:
            self.derived_variables[name] = []
        for name, value in self.gradients.items():
            self.gradients[name] = np.zeros_like(value)

    def update(self):
        """Let the optimiser change every parameter."""
        for name, gradient in self.gradients.items():
            if name in self.params:
                self.params[name] = self.optimizer(self.params[name], gradient, name)


class FullyConnected(LayerBase):
    """Fully connected layer: a = f(X W + b), with X (n, n_in), W (n_in, n_out), b (1, n_out)."""

    def __init__(self, n_out, acti_fn=None, init_w="glorot_uniform", optimizer=None):
        super().__init__(optimizer)
        self.n_in = None
        self.n_out = n_out
        self.acti_fn = ActivationInitializer(acti_fn)()
        self.init_w = init_w
        self.init_weights = WeightInitializer(mode=init_w)
        self.is_initialized = False

    def _init_params(self):
        W = self.init_weights((self.n_in, self.n_out))
        b = np.zeros((1, self.n_out), dtype=W.dtype)
        self.params = {"W": W, "b": b}
        self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        self.derived_variables = {"Z": []}
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        """Return the output (n, n_out)."""
        if not self.is_initialized:
            self.n_in = X.shape[1]
            self._init_params()
        Z = X @ self.params["W"] + self.params["b"]
        if retain_derived:
            self.X.append(X)
            self.derived_variables["Z"].append(Z)
        return self.acti_fn(Z)

    def backward(self, dLda, retain_grads=True):
        """Return the gradient of the input (n, n_in)."""
        X, Z = self.X[-1], self.derived_variables["Z"][-1]
        dZ = dLda * self.acti_fn.grad(Z)
        if retain_grads:
            self.gradients["W"] += X.T @ dZ
            self.gradients["b"] += dZ.sum(axis=0, keepdims=True)
        return dZ @ self.params["W"].T

    @property
    def hyperparams(self):
        """Settings of the layer."""
        return {
            "layer": "FullyConnected",
            "n_in": self.n_in,
            "n_out": self.n_out,
            "acti_fn": str(self.acti_fn),
            "init_w": self.init_w,
            "optimizer": {"cache": self.optimizer.cache, "hyperparams": self.optimizer.hyperparams},
        }


def softmax(X):
    """Return the probabilities (n, classes) of logits (n, classes)."""
    powers = np.exp(X - np.max(X, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


class CrossEntropy:
    """Mean cross-entropy of probabilities (n, classes) against one-hot labels (n, classes)."""

    def __call__(self, y_true, y_pred):
        return self.loss(y_true, y_pred)

    def __str__(self):
        return "CrossEntropy"

    @staticmethod
    def loss(y_true, y_pred):
        """Return the mean of -log(probability of the right class)."""
        # A probability that has been rounded to 0 must not make the loss infinite.
        smallest = np.finfo(y_pred.dtype).tiny
        return -np.sum(y_true * np.log(np.maximum(y_pred, smallest))) / len(y_true)

    @staticmethod
    def grad(y_true, y_pred):
        """Return the gradient of the loss with respect to the **logits** of the softmax, (n, classes)."""
        return (y_pred - y_true) / np.asarray(len(y_true), dtype=y_pred.dtype)


def minibatch(X, batchsize=256, shuffle=True):
    """Return a generator of the indices of mini-batches, and how many there are; the last may be smaller."""
    count = int(np.ceil(len(X) / batchsize))
    indices = np.arange(len(X))
    if shuffle:
        np.random.shuffle(indices)
    return (indices[i * batchsize : (i + 1) * batchsize] for i in range(count)), count
