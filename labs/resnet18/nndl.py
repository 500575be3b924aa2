"""Given: the base class of layers, ReLU, a row of layers, the loss, SGD, the digits, and `RunnerV3`, which trains.

Activations are (N, C, rows, columns) or (N, features). A layer's ``forward`` keeps what its ``backward`` needs;
``backward`` takes the gradient of the output, fills ``grads`` and returns the gradient of the input.
"""

from pathlib import Path

import numpy as np

DIGITS = Path(__file__).with_name("mnist_subset.npz")
TRAINED, VALIDATED, TESTED = 1000, 200, 200
STATISTICS = ("_mean", "_variance")


class Layer:
    """Base class of layers and networks.

    Attributes
    ----------
    training : bool
        Whether batch norm uses the statistics of the batch (and updates the running ones); see `train` and `eval`.
    grads : dict
        Gradient of every parameter by the name of its attribute, as ``{"weight": ..., "bias": ...}``. Its keys
        tell which attributes are parameters, so make it in ``__init__``.
    """

    def __init__(self):
        self.training = True
        self.grads = {}

    def __call__(self, *inputs):
        return self.forward(*inputs)

    def children(self):
        """Return the layers among the attributes as (name, layer), in the order in which they were set."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Layer)]

    def train(self):
        """Let this layer and all inside it work as in training."""
        self._set_training(True)

    def eval(self):
        """Let this layer and all inside it work as in use: batch norm takes its running statistics."""
        self._set_training(False)

    def _set_training(self, training):
        self.training = training
        for _, child in self.children():
            child._set_training(training)

    def named_layers(self, prefix=""):
        """Return this layer and all inside it as (name, layer); names are joined by dots."""
        found = [(prefix, self)]
        for name, child in self.children():
            found += child.named_layers(f"{prefix}.{name}" if prefix else name)
        return found

    def named_parameters(self):
        """Return (name, layer, attribute) of every parameter, in order."""
        return [
            (f"{name}.{key}" if name else key, layer, key) for name, layer in self.named_layers() for key in layer.grads
        ]

    def parameters(self):
        """Return the arrays of all parameters, in order."""
        return [getattr(layer, key) for _, layer, key in self.named_parameters()]

    def state_dict(self):
        """Return parameters and running statistics by name."""
        found = {name: getattr(layer, key) for name, layer, key in self.named_parameters()}
        for name, layer in self.named_layers():
            found |= {f"{name}.{key}" if name else key: getattr(layer, key) for key in STATISTICS if hasattr(layer, key)}
        return found

    def set_state_dict(self, state):
        """Take over parameters and running statistics; every name must be known, and every shape must fit."""
        layers = dict(self.named_layers())
        known = self.state_dict()
        for name, value in state.items():
            if name not in known:
                raise KeyError(f"there is no parameter {name!r}; there are {', '.join(known)}")
            if np.shape(value) != known[name].shape:
                raise ValueError(f"{name} has shape {known[name].shape}, not {np.shape(value)}")
            owner, _, key = name.rpartition(".")
            setattr(layers[owner], key, np.array(value))


class Sequential(Layer):
    """Layers in a row; ``row[0]`` is the first, and its parameters have the name ``0.weight``, ..."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)

    def __getitem__(self, index):
        return self.layers[index]

    def __len__(self):
        return len(self.layers)

    def children(self):
        return [(str(number), layer) for number, layer in enumerate(self.layers)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def backward(self, out_grad):
        for layer in reversed(self.layers):
            out_grad = layer.backward(out_grad)
        return out_grad


class ReLU(Layer):
    """max(x, 0)."""

    def forward(self, x):
        self.positive = x > 0
        return x * self.positive

    def backward(self, out_grad):
        return out_grad * self.positive


class AdaptiveAvgPool2D(Layer):
    """Mean over all rows and columns: (N, C, rows, columns) to (N, C, 1, 1)."""

    def __init__(self, output_size=1):
        super().__init__()
        if output_size != 1:
            raise ValueError("only output_size=1 is there: one mean for each map")

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(2, 3), keepdims=True)

    def backward(self, out_grad):
        rows, columns = self.shape[2:]
        return np.broadcast_to(out_grad / (rows * columns), self.shape).astype(out_grad.dtype)


class Flatten(Layer):
    """(N, C, rows, columns) to (N, C * rows * columns)."""

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(self.shape[0], -1)

    def backward(self, out_grad):
        return out_grad.reshape(self.shape)


def he_normal(shape, fan_in):
    """Return float32 numbers of N(0, 2 / fan_in), for layers before a ReLU (He et al., 2015)."""
    return (np.random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)


def xavier_uniform(shape):
    """Return float32 numbers for a weight (inputs, outputs), Glorot and Bengio (2010)."""
    bound = np.sqrt(6 / sum(shape))
    return np.random.uniform(-bound, bound, shape).astype(np.float32)


def softmax(logits):
    """Return the probabilities of every row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(logits, labels):
    """Return the mean loss of logits (N, classes) for labels (N,), and its gradient for the logits."""
    predicted = softmax(logits)
    places = np.arange(len(labels)), labels
    gradient = predicted.copy()
    gradient[places] -= 1
    return float(-np.log(predicted[places] + 1e-12).mean()), gradient / np.float32(len(labels))


class SGD:
    """Gradient descent: parameter <- parameter - learning_rate * gradient."""

    def __init__(self, learning_rate, net):
        self.learning_rate, self.net = learning_rate, net

    def step(self):
        """Change every parameter of the net by its gradient."""
        for _, layer, key in self.net.named_parameters():
            value, grad = getattr(layer, key), np.reshape(layer.grads[key], getattr(layer, key).shape)
            setattr(layer, key, (value - self.learning_rate * grad).astype(value.dtype))


class Accuracy:
    """Counts right answers over several batches."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.right = self.seen = 0

    def update(self, logits, labels):
        self.right += int(np.sum(np.argmax(logits, axis=1) == labels))
        self.seen += len(labels)

    def accumulate(self):
        return self.right / self.seen if self.seen else 0.0


def enlarged(pictures, size=32):
    """Return pictures (N, rows, columns) brought to size x size by bilinear interpolation, float32."""
    values = pictures.astype(np.float32)
    for axis in (1, 2):
        old = values.shape[axis]
        places = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        before = np.floor(places).astype(int)
        share = (places - before).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        after = np.minimum(before + 1, old - 1)
        values = values.take(before, axis) * (1 - share) + values.take(after, axis) * share
    return values


def prepared(pictures):
    """Return pictures (N, 28, 28), uint8, as the networks take them: (N, 1, 32, 32), float32, -1 to 1."""
    return (enlarged(pictures)[:, None] - np.float32(127.5)) / np.float32(127.5)


class MNIST_dataset:
    """Digits: 1000 to learn from (``train``), 200 to choose by (``dev``), 200 to test with (``test``).

    ``images`` are (N, 1, 32, 32), float32, ``labels`` (N,); ``pictures`` are the digits as they were, (N, 28, 28).
    """

    def __init__(self, mode="train", count=None):
        with np.load(DIGITS) as stored:
            part = "train" if mode == "train" else "test"
            start, default = {"train": (0, TRAINED), "dev": (0, VALIDATED), "test": (VALIDATED, TESTED)}[mode]
            chosen = slice(start, start + (count or default))
            self.pictures = stored[f"x_{part}"][chosen]
            self.labels = stored[f"y_{part}"][chosen].astype(np.int64)
        self.images = prepared(self.pictures)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]

    def __len__(self):
        return len(self.labels)

    def batches(self, size=64, rng=None):
        """Yield (images, labels) of ``size`` each, shuffled if there is a random generator."""
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        for start in range(0, len(order), size):
            yield self[order[start : start + size]]


class RunnerV3:
    """Trains, evaluates and uses a network, and keeps the parameters that did best on the validation digits."""

    def __init__(self, model, optimizer, loss_fn=cross_entropy, metric=None):
        self.model, self.optimizer, self.loss_fn = model, optimizer, loss_fn
        self.metric = metric or Accuracy()
        self.train_losses, self.dev_scores, self.best_score = [], [], 0.0

    def train(self, train_set, dev_set, num_epochs=5, batch_size=64, eval_steps=15, save_path=None, seed=100):
        """Train; print and validate every ``eval_steps`` steps, and keep the best parameters in ``save_path``."""
        rng = np.random.default_rng(seed)
        step = 0
        for epoch in range(num_epochs):
            for images, labels in train_set.batches(batch_size, rng):
                self.model.train()
                loss, gradient = self.loss_fn(self.model(images), labels)
                self.model.backward(gradient)
                self.optimizer.step()
                self.train_losses.append((step, loss))
                step += 1
                if step % eval_steps == 0:
                    score, dev_loss = self.evaluate(dev_set)
                    self.dev_scores.append((step, score))
                    print(f"epoch {epoch + 1}, step {step}: loss {loss:.4f}, dev loss {dev_loss:.4f}, accuracy {score:.4f}")
                    if score > self.best_score:
                        self.best_score = score
                        if save_path is not None:
                            self.save_model(save_path)

    def evaluate(self, data, batch_size=64):
        """Return accuracy and mean loss."""
        self.model.eval()
        self.metric.reset()
        total = 0.0
        for images, labels in data.batches(batch_size):
            logits = self.model(images)
            total += self.loss_fn(logits, labels)[0] * len(labels)
            self.metric.update(logits, labels)
        return self.metric.accumulate(), total / len(data)

    def predict(self, images):
        """Return the logits."""
        self.model.eval()
        return self.model(images)

    def save_model(self, path):
        """Write parameters and running statistics to a ``.npz`` file."""
        np.savez(path, **self.model.state_dict())

    def load_model(self, path):
        """Read them back."""
        with np.load(path) as stored:
            self.model.set_state_dict(dict(stored.items()))
