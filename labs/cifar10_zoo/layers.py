"""The layers of six networks under Keras' names: forward, backward, the loss, and the optimiser Adam.

Pictures are (N, rows, columns, channels), kernels (rows, columns, inputs, outputs). Formulas carry the numbers of
the README. What all layers have in common is in `Layer` of ``tape.py``; the activation function is run there, too.
"""

import numpy as np
from model import Model
from tape import Layer, generator


def pair(value):
    """Return a number of rows and one of columns; a single number stands for both."""
    return (int(value), int(value)) if np.isscalar(value) else (int(value[0]), int(value[1]))


def same_padding(size, kernel, stride):
    """Return how many zeros stand before and after, along one axis, for padding ``same``: formula (2).

    Parameters
    ----------
    size, kernel, stride : int
        Length of the axis, of the kernel, and the step from window to window.
    """
    # TODO(same_padding): return (before, after) by formula (2)
    raise NotImplementedError("TODO same_padding: return (before, after) by formula (2)")


def padded(x, kernel, strides, padding, value=0.0):
    """Return x with its border, and how many rows and columns of it stand before the picture.

    ``padding`` is ``same`` or ``valid``; ``value`` is what the border is filled with.
    """
    if padding == "valid":
        return x, (0, 0)
    rows, columns = (same_padding(x.shape[1 + axis], kernel[axis], strides[axis]) for axis in (0, 1))
    return np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value), (rows[0], columns[0])


def places(x_pad, kernel, strides):
    """Return, for every entry of the window, row by row, the rows and columns of the picture that it meets."""
    outputs = [(x_pad.shape[1 + axis] - kernel[axis]) // strides[axis] + 1 for axis in (0, 1)]
    return [
        (
            slice(row, row + (outputs[0] - 1) * strides[0] + 1, strides[0]),
            slice(column, column + (outputs[1] - 1) * strides[1] + 1, strides[1]),
        )
        for row in range(kernel[0])
        for column in range(kernel[1])
    ]


def checked_padding(padding):
    """Return ``same`` or ``valid``, in small letters."""
    if str(padding).lower() not in ("same", "valid"):
        raise ValueError(f"padding is {padding!r}, expected 'same' or 'valid'")
    return str(padding).lower()


def following(activation):
    """Return the layer that an argument ``activation`` stands for, None for none."""
    return None if activation in (None, "linear") else Activation(activation)


class Conv2D(Layer):
    """Convolution with bias: formula (1).

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size, strides : int or pair of int
        Rows and columns.
    padding : str
        ``valid`` or ``same``.
    use_bias : bool
    activation : str or None
        ``relu``, ``sigmoid``, ``tanh`` or ``softmax``; it is run behind this layer.

    Attributes
    ----------
    kernel, bias : Variable
        Of shape (rows, columns, inputs, filters) and (filters,); ``bias`` is None without one.
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", use_bias=True, activation=None, **options):
        super().__init__(activation=following(activation), **options)
        self.filters = int(filters)
        self.kernel_size = pair(kernel_size)
        self.strides = pair(strides)
        self.padding = checked_padding(padding)
        self.use_bias = use_bias

    def build(self, shape):
        """Make kernel and bias for inputs of this shape."""
        self.kernel = self.add_weight("kernel", (*self.kernel_size, shape[-1], self.filters), "glorot_uniform")
        self.bias = self.add_weight("bias", (self.filters,)) if self.use_bias else None

    def forward(self, x, training=False):
        """Return (N, rows, columns, filters) for x (N, rows, columns, inputs)."""
        kernel = self.kernel.value
        # TODO(conv_forward): return the convolution of x by formula (1); keep what backward needs
        raise NotImplementedError("TODO conv_forward: return the convolution of x by formula (1); keep what backward needs")

    def backward(self, dy):
        """Return the gradient of x; set ``gradient`` of kernel and bias: formula (3)."""
        kernel = self.kernel.value
        # TODO(conv_backward): set self.kernel.gradient and self.bias.gradient, return dx, by formula (3)
        raise NotImplementedError("TODO conv_backward: set self.kernel.gradient and self.bias.gradient, return dx, by formula (3)")


class BatchNormalization(Layer):
    """Normalises every channel over the batch and all pixels: formulas (4) to (6).

    Attributes
    ----------
    gamma, beta : Variable
        Factor and offset of every channel, trainable, at first 1 and 0.
    moving_mean, moving_variance : Variable
        What stands in for the batch when it is not training; not trainable, at first 0 and 1.
    """

    def __init__(self, axis=-1, momentum=0.99, epsilon=0.001, **options):
        super().__init__(**options)
        self.axis = axis
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, shape):
        """Make the four variables for inputs with ``shape[-1]`` channels, with `add_weight`."""
        # TODO(bn_variables): set gamma, beta, moving_mean and moving_variance, in this order
        raise NotImplementedError("TODO bn_variables: set gamma, beta, moving_mean and moving_variance, in this order")

    def forward(self, x, training=False):
        """Return x normalised, scaled and shifted; in training with the batch's mean and variance."""
        # TODO(bn_forward): return the output by formulas (4) to (6); mind the moving statistics
        raise NotImplementedError("TODO bn_forward: return the output by formulas (4) to (6); mind the moving statistics")

    def backward(self, dy):
        """Return the gradient of x; set ``gradient`` of gamma and beta: formula (7)."""
        # TODO(bn_backward): set the gradients of gamma and beta, return dx, by formula (7)
        raise NotImplementedError("TODO bn_backward: set the gradients of gamma and beta, return dx, by formula (7)")


class Activation(Layer):
    """An activation function: ``relu``, ``sigmoid``, ``tanh``, ``softmax`` (over the last axis) or ``linear``."""

    def __init__(self, activation, **options):
        super().__init__(**options)
        if activation not in ("relu", "sigmoid", "tanh", "softmax", "linear"):
            raise ValueError(f"there is no activation function {activation!r} in this lab")
        self.function = activation

    def forward(self, x, training=False):
        """Return f(x): formulas (8) and (9)."""
        # TODO(activation_forward): return f(x) by self.function; keep what backward needs
        raise NotImplementedError("TODO activation_forward: return f(x) by self.function; keep what backward needs")

    def backward(self, dy):
        """Return the gradient of x: formula (10) for softmax."""
        # TODO(activation_backward): return dy times the derivative of self.function
        raise NotImplementedError("TODO activation_backward: return dy times the derivative of self.function")


class MaxPool2D(Layer):
    """The largest value of every window, channel by channel; a border of ``same`` never wins: formula (11).

    Parameters
    ----------
    pool_size : int or pair of int
    strides : int, pair of int or None
        None stands for ``pool_size``.
    padding : str
        ``valid`` or ``same``.
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", **options):
        super().__init__(**options)
        self.pool_size = pair(pool_size)
        self.strides = self.pool_size if strides is None else pair(strides)
        self.padding = checked_padding(padding)

    def forward(self, x, training=False):
        """Return (N, rows, columns, channels)."""
        # TODO(pool_forward): return the largest value of every window; keep what backward needs
        raise NotImplementedError("TODO pool_forward: return the largest value of every window; keep what backward needs")

    def backward(self, dy):
        """Return the gradient of x; of equal largest values the first one gets it."""
        # TODO(pool_backward): return dx: every largest value gets the gradients of its windows
        raise NotImplementedError("TODO pool_backward: return dx: every largest value gets the gradients of its windows")


class GlobalAveragePooling2D(Layer):
    """The mean of every channel: (N, rows, columns, channels) to (N, channels)."""

    def forward(self, x, training=False):
        """Return (N, channels)."""
        # TODO(gap_forward): return the mean over rows and columns; keep what backward needs
        raise NotImplementedError("TODO gap_forward: return the mean over rows and columns; keep what backward needs")

    def backward(self, dy):
        """Return the gradient of x."""
        # TODO(gap_backward): return dx, of the shape of x
        raise NotImplementedError("TODO gap_backward: return dx, of the shape of x")


GlobalAvgPool2D = GlobalAveragePooling2D
MaxPooling2D = MaxPool2D


class Dropout(Layer):
    """Sets a share ``rate`` of all values to 0 in training and makes up for it; otherwise changes nothing."""

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate

    def forward(self, x, training=False):
        """Return x with a fresh mask; x itself when it is not training: formula (12)."""
        # TODO(dropout_forward): return x by formula (12), with generator().random(shape)
        raise NotImplementedError("TODO dropout_forward: return x by formula (12), with generator().random(shape)")

    def backward(self, dy):
        """Return the gradient of x."""
        # TODO(dropout_backward): return dx with the mask of the forward pass
        raise NotImplementedError("TODO dropout_backward: return dx with the mask of the forward pass")


class Flatten(Layer):
    """(N, rows, columns, channels) to (N, rows * columns * channels), without moving a number."""

    def forward(self, x, training=False):
        """Return x in its new shape."""
        # TODO(flatten_forward): return x as (N, everything else); keep what backward needs
        raise NotImplementedError("TODO flatten_forward: return x as (N, everything else); keep what backward needs")

    def backward(self, dy):
        """Return the gradient in the shape of x."""
        # TODO(flatten_backward): return dy in the shape of x
        raise NotImplementedError("TODO flatten_backward: return dy in the shape of x")


class Dense(Layer):
    """Fully connected layer: y = x W + b, with W (inputs, units): formula (13)."""

    def __init__(self, units, activation=None, use_bias=True, **options):
        super().__init__(activation=following(activation), **options)
        self.units = int(units)
        self.use_bias = use_bias

    def build(self, shape):
        """Make kernel and bias for inputs of this shape."""
        self.kernel = self.add_weight("kernel", (shape[-1], self.units), "glorot_uniform")
        self.bias = self.add_weight("bias", (self.units,)) if self.use_bias else None

    def forward(self, x, training=False):
        """Return (N, units) for x (N, inputs)."""
        # TODO(dense_forward): return x W + b; keep what backward needs
        raise NotImplementedError("TODO dense_forward: return x W + b; keep what backward needs")

    def backward(self, dy):
        """Return the gradient of x; set ``gradient`` of kernel and bias."""
        # TODO(dense_backward): set self.kernel.gradient and self.bias.gradient, return dx
        raise NotImplementedError("TODO dense_backward: set self.kernel.gradient and self.bias.gradient, return dx")


class Concatenate(Layer):
    """Puts arrays one behind the other along an axis."""

    def __init__(self, axis=-1, **options):
        super().__init__(**options)
        self.axis = axis

    def forward(self, parts, training=False):
        """Return one array for a list of them."""
        # TODO(concat_forward): return the parts behind one another along self.axis
        raise NotImplementedError("TODO concat_forward: return the parts behind one another along self.axis")

    def backward(self, dy):
        """Return the list of the parts' gradients."""
        # TODO(concat_backward): return the list of the pieces of dy, one for each part
        raise NotImplementedError("TODO concat_backward: return the list of the pieces of dy, one for each part")


def concat(values, axis):
    """Return tensors or arrays one behind the other along an axis, as ``tf.concat`` does."""
    return Concatenate(axis, name="concat")(values)


class Sequential(Model):
    """Layers and blocks that run one after the other."""

    def __init__(self, layers=(), **options):
        super().__init__(**options)
        self.stack = list(layers)

    def add(self, layer):
        """Put one more at the end."""
        self.stack.append(layer)

    def call(self, x):
        """Run all of them."""
        for layer in self.stack:
            x = layer(x)
        return x


class SparseCategoricalCrossentropy:
    """Mean of -log(probability of the right class): formulas (14) and (15).

    Parameters
    ----------
    from_logits : bool
        Whether the outputs are logits, and not yet probabilities.
    """

    smallest = 1e-7

    def __init__(self, from_logits=False):
        self.from_logits = from_logits

    def __call__(self, y_true, y_pred):
        """Return the loss, one number, for labels (N,) or (N, 1) and outputs (N, classes)."""
        labels = np.asarray(y_true).reshape(-1).astype(np.int64)
        # TODO(loss_forward): return the mean loss; keep what backward needs
        raise NotImplementedError("TODO loss_forward: return the mean loss; keep what backward needs")

    def backward(self):
        """Return the gradient of the loss with respect to the outputs, (N, classes)."""
        # TODO(loss_backward): return the gradient by formula (14) or (15)
        raise NotImplementedError("TODO loss_backward: return the gradient by formula (14) or (15)")


class Adam:
    """The optimiser Adam: formula (16).

    Attributes
    ----------
    iterations : int
        How many steps were taken.
    moments : dict
        For every variable, by ``id``, what is kept from step to step.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.iterations = 0
        self.moments = {}

    def apply_gradients(self, grads_and_vars):
        """Take one step: change ``value`` of every variable in a list of (gradient, variable)."""
        # TODO(adam): count the step, update the moments of every variable and its value by formula (16)
        raise NotImplementedError("TODO adam: count the step, update the moments of every variable and its value by formula (16)")
