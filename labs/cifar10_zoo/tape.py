"""Given: variables, tensors, the tape that writes down what a network does, and the base class of all layers.

A network is run on tensors instead of plain arrays. A tensor knows its tape, and whatever happens to it is written there:
the call of a layer, `+`, and `concat` (which is a layer, too). Read backwards, the tape is the backward pass.
"""

import re
import sys
from collections import Counter

import numpy as np

# Arguments of Keras' layers that do not change what a layer computes from given parameters.
WITHOUT_EFFECT = {"input_shape", "kernel_regularizer", "kernel_initializer", "bias_initializer", "dtype"}
_names = Counter()
_random = [np.random.default_rng()]


def set_seed(seed):
    """Make everything random repeatable: first parameters, dropout, the order of the pictures."""
    _random[0] = np.random.default_rng(seed)


def generator():
    """Return the random generator that layers and training share."""
    return _random[0]


def unique_name(kind):
    """Return ``conv2d``, ``conv2d_1``, ... for the class name ``Conv2D``, as Keras does."""
    base = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
    number = _names[base]
    _names[base] += 1
    return f"{base}_{number}" if number else base


class Variable:
    """An array that belongs to a layer: a parameter or a moving statistic.

    Attributes
    ----------
    name : str
        Such as ``conv2d/kernel:0``.
    value : array
        What layers compute with.
    trainable : bool
        Whether an optimiser may change it.
    gradient : array
        Gradient of the loss, of the value's shape; filled by the layer's ``backward``.
    """

    def __init__(self, name, value, trainable=True):
        self.name = name
        self.trainable = trainable
        self.assign(value)

    @property
    def shape(self):
        """Shape of the value."""
        return self.value.shape

    def numpy(self):
        """Return the value."""
        return self.value

    def assign(self, value):
        """Set the value; its gradient becomes zero.

        Raises
        ------
        ValueError : the shape is not that of the value that is there.
        """
        value = np.array(value)
        before = getattr(self, "value", value)
        if before.shape != value.shape:
            raise ValueError(f"{self.name} has shape {before.shape}, it cannot become {value.shape}")
        self.value = value
        self.gradient = np.zeros_like(value)


class Tensor:
    """An array under way through a network.

    Attributes
    ----------
    value : array
    tape : Tape
    """

    # NumPy leaves `array + tensor` to the tensor.
    __array_ufunc__ = None

    def __init__(self, value, tape):
        self.value = value
        self.tape = tape

    @property
    def shape(self):
        """Shape of the array."""
        return self.value.shape

    @property
    def dtype(self):
        """Type of the array's entries."""
        return self.value.dtype

    def numpy(self):
        """Return the array."""
        return self.value

    def __add__(self, other):
        return self.tape.add(self, other)

    __radd__ = __add__

    def __array__(self, *args, **kwargs):
        raise TypeError(
            "a tensor was given to a NumPy function, which the tape cannot see: between its layers a network may use "
            "`+` and `concat` only"
        )


class Record:
    """One line of a tape: ``output`` came from ``inputs`` by ``layer``, or by `+` where the layer is None."""

    def __init__(self, layer, inputs, output, kept):
        self.layer = layer
        self.inputs = inputs
        self.output = output
        self.kept = kept


class Tape:
    """What a network does with one batch.

    Parameters
    ----------
    training : bool
        Whether layers are to behave as in training: batch statistics, dropout.

    Attributes
    ----------
    records : list of Record
        In the order in which things were done.
    """

    def __init__(self, training=False):
        self.training = training
        self.records = []
        self._watched = None

    def watch(self, value):
        """Return an array as a tensor of this tape; its gradient is what `backward` returns."""
        self._watched = Tensor(np.asarray(value), self)
        return self._watched

    def run(self, layer, inputs, training=None):
        """Run a layer on a tensor, or on a list of them, and write it down."""
        several = isinstance(inputs, list | tuple)
        tensors = tuple(inputs) if several else (inputs,)
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"{layer.name} got a {type(tensor).__name__} among tensors; hand on what layers return")
        values = [tensor.value for tensor in tensors]
        used = self.training if training is None else bool(training)
        value = layer.forward(values if several else values[0], used)
        if value is None:
            raise TypeError(f"{type(layer).__name__}.forward returned None: is a `return` missing?")
        output = Tensor(np.asarray(value), self)
        self.records.append(Record(layer, tensors, output, dict(vars(layer))))
        return output

    def add(self, first, second):
        """Add two tensors and write it down."""
        if not isinstance(second, Tensor):
            raise TypeError(f"a tensor can be added to another tensor, not to a {type(second).__name__}")
        if first.shape != second.shape:
            raise ValueError(f"cannot add tensors of the shapes {first.shape} and {second.shape}")
        output = Tensor(first.value + second.value, self)
        self.records.append(Record(None, (first, second), output, {}))
        return output

    def backward(self, output, gradient):
        """Run the layers' ``backward`` from the last record to the first.

        A tensor that was used twice gets the sum of both gradients, and so does a layer that was called twice.

        Parameters
        ----------
        output : Tensor
        gradient : array
            Gradient of the loss with respect to it.

        Returns
        -------
        array : the gradient with respect to what was watched.
        """
        found = {id(output): np.asarray(gradient)}
        calls = Counter(id(record.layer) for record in self.records)
        begun = set()
        for record in reversed(self.records):
            arriving = found.get(id(record.output))
            if arriving is None:
                continue
            shares = (arriving, arriving)
            if record.layer is not None:
                if calls[id(record.layer)] > 1:
                    vars(record.layer).update(record.kept)
                shares = self._layer_backward(record.layer, arriving, id(record.layer) in begun)
                begun.add(id(record.layer))
            for tensor, share in zip(record.inputs, shares, strict=True):
                before = found.get(id(tensor))
                found[id(tensor)] = share if before is None else before + share
        if self._watched is None or id(self._watched) not in found:
            return None
        return found[id(self._watched)]

    @staticmethod
    def _layer_backward(layer, arriving, again):
        earlier = [variable.gradient for variable in layer.variables] if again else None
        for variable in layer.variables:
            variable.gradient = np.zeros_like(variable.value)
        shares = layer.backward(arriving)
        if shares is None:
            raise TypeError(f"{type(layer).__name__}.backward returned None: is a `return` missing?")
        for variable, before in zip(layer.variables, earlier or (), strict=False):
            variable.gradient = variable.gradient + before
        return shares if isinstance(shares, list | tuple) else (shares,)


class Layer:
    """What all layers have in common.

    A layer makes its variables in `build` when it is first called and then computes in `forward` and `backward`. An
    activation function is a layer of its own that follows: the two passes need not think of it.

    Parameters
    ----------
    activation : Layer or None
        What follows at once.
    **options
        ``name``, and arguments of Keras that do not change what a layer computes.

    Attributes
    ----------
    variables : list of Variable
        Everything that `add_weight` made, in order.
    """

    def __init__(self, activation=None, **options):
        name = options.pop("name", None)
        unknown = sorted(set(options) - WITHOUT_EFFECT)
        if unknown:
            raise TypeError(f"{type(self).__name__} has no argument {', '.join(unknown)} in this lab")
        self.name = name or unique_name(type(self).__name__)
        self.activation = activation
        self.variables = []
        self.built = False

    @property
    def trainable_variables(self):
        """Variables that an optimiser changes."""
        return [variable for variable in self.variables if variable.trainable]

    def add_weight(self, name, shape, initializer="zeros", trainable=True):
        """Make a variable and keep it in ``variables``.

        Parameters
        ----------
        initializer : str
            ``zeros``, ``ones`` or ``glorot_uniform``: between plus and minus sqrt(6 / (fan_in + fan_out)).
        """
        shape = tuple(int(length) for length in shape)
        if initializer == "glorot_uniform":
            places = int(np.prod(shape[:-2]))
            limit = np.sqrt(6 / (places * (shape[-2] + shape[-1])))
            value = generator().uniform(-limit, limit, shape)
        else:
            value = {"zeros": np.zeros, "ones": np.ones}[initializer](shape)
        variable = Variable(f"{self.name}/{name}:0", value.astype(np.float32), trainable)
        self.variables.append(variable)
        return variable

    def build(self, shape):
        """Make the variables for inputs of this shape; layers without variables need not."""

    def forward(self, x, training=False):
        """Return the output for the array ``x``, and keep in the layer what `backward` needs."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def backward(self, dy):
        """Return the gradient of the input for that of the output; set ``gradient`` of each trainable variable."""
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def __call__(self, inputs, training=None):
        several = isinstance(inputs, list | tuple)
        first = inputs[0] if several else inputs
        if not self.built:
            self.build([part.shape for part in inputs] if several else first.shape)
            self.built = True
        if isinstance(first, Tensor):
            outputs = first.tape.run(self, inputs, training)
        else:
            outputs = self.forward(inputs, bool(training))
        return outputs if self.activation is None else self.activation(outputs, training)


def module_of_layers():
    """Return the module ``layers``, wherever it was loaded from."""
    if "layers" not in sys.modules:
        import layers
    return sys.modules["layers"]
