"""Given: networks made of layers, and their training, in the manner of ``tensorflow.keras.Model``.

A network is a subclass of `Model` whose ``__init__`` makes layers and whose ``call(x)`` runs them.
"""

import inspect
import json
import sys
import time
from pathlib import Path

import numpy as np
from tape import Layer, Tape, Tensor, generator, module_of_layers, unique_name

EVALUATED_AT_ONCE = 100


class Model:
    """A network, or a block of one: whatever has layers among its attributes.

    Attributes
    ----------
    layers : list
        Layers and blocks in the order in which they were made attributes.
    """

    def __init__(self, name=None, **options):
        if options:
            raise TypeError(f"{type(self).__name__} has no argument {', '.join(sorted(options))}")
        self.name = name or unique_name(type(self).__name__)

    def init(self):
        """Explain a slip."""
        raise AttributeError("write `super().__init__()`, with two underscores on either side of init")

    def call(self, x):
        """Run the network on a tensor; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__}.call")

    def __call__(self, x, training=None):
        if not isinstance(x, Tensor):
            return self.forward(x, bool(training))
        tape = x.tape
        before = tape.training
        tape.training = before if training is None else bool(training)
        try:
            takes_training = "training" in inspect.signature(self.call).parameters
            return self.call(x, training=tape.training) if takes_training else self.call(x)
        finally:
            tape.training = before

    def forward(self, x, training=False):
        """Return the output for an array of pictures (N, rows, columns, channels)."""
        self._tape = Tape(training)
        self._output = self(self._tape.watch(x))
        return self._output.value

    def backward(self, dy):
        """Return the gradient of the pictures after `forward`, and fill ``gradient`` of all trainable variables."""
        return self._tape.backward(self._output, dy)

    @property
    def layers(self):
        """Layers and blocks, in order."""
        found = []
        for value in vars(self).values():
            found += [part for part in _parts(value) if part not in found]
        return found

    def leaves(self):
        """Return the layers, also those inside of blocks, in order."""
        found = []
        for part in self.layers:
            inside = part.leaves() if isinstance(part, Model) else [part, *_parts(part.activation)]
            found += [layer for layer in inside if layer not in found]
        return found

    @property
    def variables(self):
        """All variables, moving statistics included."""
        return [variable for layer in self.leaves() for variable in layer.variables]

    @property
    def trainable_variables(self):
        """Variables that training changes by gradients."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def non_trainable_variables(self):
        """Moving statistics."""
        return [variable for variable in self.variables if not variable.trainable]

    def build(self, shape=(1, 32, 32, 3)):
        """Let all layers make their variables, by running the network on a blank picture."""
        self.forward(np.zeros((1, *shape[1:]), np.float32))

    def count_params(self):
        """Return how many numbers all variables have."""
        return sum(variable.value.size for variable in self.variables)

    def summary(self):
        """Print every layer's output and number of parameters, then the totals, as Keras does."""
        tape = Tape()
        self(tape.watch(np.zeros((1, 32, 32, 3), np.float32)))
        line = "{:<54}{:<24}{:>12}"
        print(f'Model: "{self.name}"\n' + line.format("Layer (type)", "Output Shape", "Param #") + "\n" + "=" * 90)
        for record in tape.records:
            if record.layer is None:
                name, count = "+", 0
            else:
                name = f"{record.layer.name} ({type(record.layer).__name__})"
                count = sum(variable.value.size for variable in record.layer.variables)
            shape = ", ".join(["None", *map(str, record.output.shape[1:])])
            print(line.format(name, f"({shape})", f"{count:,}"))
        trainable = sum(variable.value.size for variable in self.trainable_variables)
        print("=" * 90 + f"\nTotal params: {self.count_params():,}\nTrainable params: {trainable:,}")
        print(f"Non-trainable params: {self.count_params() - trainable:,}")

    def costs(self, repeats=5):
        """Print what every layer costs for one picture: parameters, multiply-adds, time of forward and its share."""
        tape = Tape()
        self(tape.watch(np.zeros((1, 32, 32, 3), np.float32)))
        rows = []
        for record in tape.records:
            if record.layer is None:
                continue
            values = [tensor.value for tensor in record.inputs]
            seconds = []
            for _ in range(repeats):
                began = time.perf_counter()
                record.layer.forward(values if len(values) > 1 else values[0])
                seconds.append(time.perf_counter() - began)
            kernel = getattr(record.layer, "kernel", None)
            places = int(np.prod(record.output.shape[1:]))
            work = 0 if kernel is None else places * int(np.prod(kernel.shape[:-1]))
            count = sum(variable.value.size for variable in record.layer.variables)
            rows.append((f"{record.layer.name} ({type(record.layer).__name__})", count, work, min(seconds)))
        total = sum(row[3] for row in rows)
        print(f"{'Layer (type)':<54}{'Param #':>12}{'Mult-adds':>14}{'ms':>10}{'share':>8}\n" + "=" * 98)
        for name, count, work, taken in [
            *rows,
            ("all layers", self.count_params(), sum(r[2] for r in rows), total),
        ]:
            print(f"{name:<54}{count:>12,}{work:>14,}{taken * 1e3:>10.2f}{taken / total:>8.1%}")

    def compile(self, optimizer="adam", loss="sparse_categorical_crossentropy", metrics=None):
        """Choose optimiser and loss; names stand for ``Adam()`` and ``SparseCategoricalCrossentropy()``."""
        layers = module_of_layers()
        known = {"adam": "Adam", "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy"}
        self.optimizer = getattr(layers, known[optimizer])() if isinstance(optimizer, str) else optimizer
        self.loss = getattr(layers, known[loss])() if isinstance(loss, str) else loss
        self.metric = str((metrics or ["sparse_categorical_accuracy"])[0])

    def train_on_batch(self, x, y):
        """Take one step; return (loss, share of the batch that was right), both before the step."""
        outputs = self.forward(np.asarray(x, np.float32), training=True)
        labels = np.asarray(y).reshape(-1)
        loss = self.loss(labels, outputs)
        self.backward(self.loss.backward())
        variables = self.trainable_variables
        self.optimizer.apply_gradients([(variable.gradient, variable) for variable in variables])
        return float(loss), float(np.mean(np.argmax(outputs, axis=1) == labels))

    def fit(
        self,
        x,
        y,
        batch_size=32,
        epochs=1,
        validation_data=None,
        validation_freq=1,
        callbacks=None,
        shuffle=True,
        verbose=1,
    ):
        """Train; return a `History` with a value for each epoch.

        Parameters
        ----------
        x : array (N, 32, 32, 3)
            Scaled to 0 ... 1.
        y : array (N,) or (N, 1)
            Class numbers.
        validation_data : (x, y) or None
            Looked at after every ``validation_freq`` epochs; never learned from.
        """
        history = History()
        for callback in callbacks or ():
            callback.model = self
        for epoch in range(epochs):
            began, losses, right = time.monotonic(), 0.0, 0.0
            order = generator().permutation(len(x)) if shuffle else np.arange(len(x))
            for start in range(0, len(x), batch_size):
                chosen = order[start : start + batch_size]
                loss, share = self.train_on_batch(x[chosen], y[chosen])
                losses += loss * len(chosen)
                right += share * len(chosen)
                _show(verbose, epoch, epochs, start + len(chosen), len(x), losses, right, began)
            logs = {"loss": losses / len(x), self.metric: right / len(x)}
            if validation_data is not None and (epoch + 1) % validation_freq == 0:
                loss, share = self.evaluate(*validation_data, verbose=0)
                logs |= {"val_loss": loss, f"val_{self.metric}": share}
            if verbose:
                told = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
                print(f"\repoch {epoch + 1}/{epochs} - {time.monotonic() - began:.0f} s - {told}")
            history.add(logs)
            for callback in callbacks or ():
                callback.on_epoch_end(epoch, logs)
        return history

    def predict(self, x):
        """Return the outputs for all pictures, some at a time."""
        parts = [
            self.forward(np.asarray(x[start : start + EVALUATED_AT_ONCE], np.float32))
            for start in range(0, len(x), EVALUATED_AT_ONCE)
        ]
        return np.concatenate(parts)

    def evaluate(self, x, y, verbose=1):
        """Return (loss, share that is right)."""
        outputs, labels = self.predict(x), np.asarray(y).reshape(-1)
        loss, share = float(self.loss(labels, outputs)), float(np.mean(np.argmax(outputs, axis=1) == labels))
        if verbose:
            print(f"loss: {loss:.4f} - {self.metric}: {share:.4f}")
        return loss, share

    def save_weights(self, path):
        """Write all variables, moving statistics included: ``<path>.npz``, and last ``<path>.index``."""
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        variables = self.variables
        arrays = {str(number): variable.value for number, variable in enumerate(variables)}
        np.savez(f"{place}.npz", **arrays)
        facts = [{"name": variable.name, "shape": list(variable.shape)} for variable in variables]
        Path(f"{place}.index").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")

    def load_weights(self, path):
        """Set all variables from what `save_weights` wrote; a network that was never run is built first.

        Raises
        ------
        ValueError : it was written by another network.
        """
        if not self.variables:
            self.build()
        with np.load(f"{path}.npz") as stored:
            values = [stored[str(number)] for number in range(len(stored.files))]
        variables = self.variables
        if [variable.shape for variable in variables] != [value.shape for value in values]:
            raise ValueError(f"{path} holds the weights of another network than {type(self).__name__}")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def write_weights(self, path="./weights.txt"):
        """Write name, shape and every number of all trainable variables as text."""
        with np.printoptions(threshold=np.inf), open(path, "w", encoding="utf-8") as file:
            for variable in self.trainable_variables:
                file.write(f"{variable.name}\n{variable.shape}\n{variable.numpy()}\n")


def _parts(value):
    """Return the layers and blocks in an attribute's value."""
    if isinstance(value, Layer | Model):
        return [value]
    if isinstance(value, list | tuple):
        return [part for item in value for part in _parts(item)]
    if isinstance(value, dict):
        return [part for item in value.values() for part in _parts(item)]
    return []


def _show(verbose, epoch, epochs, done, total, losses, right, began):
    """Show how far an epoch is; only where a line can be written over."""
    if verbose and sys.stdout.isatty():
        bar = "=" * (20 * done // total)
        left = (time.monotonic() - began) * (total - done) / done
        print(
            f"\repoch {epoch + 1}/{epochs} [{bar:<20}] loss {losses / done:.4f} accuracy {right / done:.4f} "
            f"{left:.0f} s left ",
            end="",
            flush=True,
        )


class History:
    """What `Model.fit` returns: ``history[name]`` has a value for each epoch."""

    def __init__(self):
        self.history = {}

    def add(self, logs):
        """Take in the values of an epoch."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class ModelCheckpoint:
    """Saves the weights after an epoch; with ``save_best_only`` if the loss of ``monitor`` is the smallest so far."""

    def __init__(self, filepath, monitor="val_loss", save_weights_only=True, save_best_only=False, verbose=0):
        self.filepath = filepath
        self.monitor = monitor
        self.save_best_only = save_best_only
        self.verbose = verbose
        self.best = np.inf

    def on_epoch_end(self, epoch, logs):
        """Save, if it is time to."""
        value = logs.get(self.monitor, np.inf)
        if self.save_best_only and not value < self.best:
            return
        self.best = min(self.best, value)
        self.model.save_weights(self.filepath)
        if self.verbose:
            print(f"epoch {epoch + 1}: saved to {self.filepath}")
