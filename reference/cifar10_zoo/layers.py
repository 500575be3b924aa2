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
    ### BEGIN SOLUTION same_padding: return (before, after) by formula (2)
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
    ### END SOLUTION


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
        ### BEGIN SOLUTION conv_forward: return the convolution of x by formula (1); keep what backward needs
        self.x_shape = x.shape
        self.x_pad, self.before = padded(x, self.kernel_size, self.strides, self.padding)
        meets = places(self.x_pad, self.kernel_size, self.strides)
        windows = np.stack([self.x_pad[:, down, across, :] for down, across in meets], axis=3)
        columns = windows.reshape(-1, windows.shape[3] * windows.shape[4])
        y = (columns @ kernel.reshape(-1, self.filters)).reshape(*windows.shape[:3], self.filters)
        return y if self.bias is None else y + self.bias.value
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x; set ``gradient`` of kernel and bias: formula (3)."""
        kernel = self.kernel.value
        ### BEGIN SOLUTION conv_backward: set self.kernel.gradient and self.bias.gradient, return dx, by formula (3)
        rows = dy.reshape(-1, self.filters)
        if self.bias is not None:
            self.bias.gradient = rows.sum(axis=0)
        dkernel = np.zeros(kernel.shape, np.result_type(self.x_pad, rows)).reshape(-1, *kernel.shape[2:])
        dx_pad = np.zeros(self.x_pad.shape, np.result_type(rows, kernel))
        meets = places(self.x_pad, self.kernel_size, self.strides)
        for number, (weight, (down, across)) in enumerate(zip(kernel.reshape(dkernel.shape), meets, strict=True)):
            dkernel[number] = self.x_pad[:, down, across, :].reshape(-1, kernel.shape[2]).T @ rows
            dx_pad[:, down, across, :] += (rows @ weight.T).reshape(*dy.shape[:3], -1)
        self.kernel.gradient = dkernel.reshape(kernel.shape)
        top, left = self.before
        return dx_pad[:, top : top + self.x_shape[1], left : left + self.x_shape[2], :]
        ### END SOLUTION


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
        ### BEGIN SOLUTION bn_variables: set gamma, beta, moving_mean and moving_variance, in this order
        self.gamma = self.add_weight("gamma", shape[-1:], "ones")
        self.beta = self.add_weight("beta", shape[-1:], "zeros")
        self.moving_mean = self.add_weight("moving_mean", shape[-1:], "zeros", trainable=False)
        self.moving_variance = self.add_weight("moving_variance", shape[-1:], "ones", trainable=False)
        ### END SOLUTION

    def forward(self, x, training=False):
        """Return x normalised, scaled and shifted; in training with the batch's mean and variance."""
        ### BEGIN SOLUTION bn_forward: return the output by formulas (4) to (6); mind the moving statistics
        axes = tuple(range(x.ndim - 1))
        if training:
            mean = x.mean(axis=axes)
            variance = ((x - mean) ** 2).mean(axis=axes)
            kept, new = self.momentum, 1 - self.momentum
            self.moving_mean.value = kept * self.moving_mean.value + new * mean
            self.moving_variance.value = kept * self.moving_variance.value + new * variance
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        self.trained = training
        self.slope = 1 / np.sqrt(variance + self.epsilon)
        self.normal = (x - mean) * self.slope
        return self.gamma.value * self.normal + self.beta.value
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x; set ``gradient`` of gamma and beta: formula (7)."""
        ### BEGIN SOLUTION bn_backward: set the gradients of gamma and beta, return dx, by formula (7)
        axes = tuple(range(dy.ndim - 1))
        self.gamma.gradient = (dy * self.normal).sum(axis=axes)
        self.beta.gradient = dy.sum(axis=axes)
        dnormal = dy * self.gamma.value
        if not self.trained:
            return dnormal * self.slope
        mean_of_both = (dnormal * self.normal).mean(axis=axes)
        return self.slope * (dnormal - dnormal.mean(axis=axes) - self.normal * mean_of_both)
        ### END SOLUTION


class Activation(Layer):
    """An activation function: ``relu``, ``sigmoid``, ``tanh``, ``softmax`` (over the last axis) or ``linear``."""

    def __init__(self, activation, **options):
        super().__init__(**options)
        if activation not in ("relu", "sigmoid", "tanh", "softmax", "linear"):
            raise ValueError(f"there is no activation function {activation!r} in this lab")
        self.function = activation

    def forward(self, x, training=False):
        """Return f(x): formulas (8) and (9)."""
        ### BEGIN SOLUTION activation_forward: return f(x) by self.function; keep what backward needs
        if self.function == "relu":
            self.y = np.maximum(x, 0)
        elif self.function == "sigmoid":
            small = np.exp(-np.abs(x))
            self.y = np.where(x >= 0, 1 / (1 + small), small / (1 + small))
        elif self.function == "tanh":
            self.y = np.tanh(x)
        elif self.function == "softmax":
            powers = np.exp(x - x.max(axis=-1, keepdims=True))
            self.y = powers / powers.sum(axis=-1, keepdims=True)
        else:
            self.y = x
        return self.y
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x: formula (10) for softmax."""
        ### BEGIN SOLUTION activation_backward: return dy times the derivative of self.function
        if self.function == "relu":
            return dy * (self.y > 0)
        if self.function == "sigmoid":
            return dy * self.y * (1 - self.y)
        if self.function == "tanh":
            return dy * (1 - self.y**2)
        if self.function == "softmax":
            return self.y * (dy - (dy * self.y).sum(axis=-1, keepdims=True))
        return dy
        ### END SOLUTION


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
        ### BEGIN SOLUTION pool_forward: return the largest value of every window; keep what backward needs
        self.x_shape = x.shape
        x_pad, self.before = padded(x, self.pool_size, self.strides, self.padding, -np.inf)
        self.pad_shape = x_pad.shape
        self.places = places(x_pad, self.pool_size, self.strides)
        best = np.array(x_pad[:, self.places[0][0], self.places[0][1], :])
        self.winner = np.zeros(best.shape, np.int32)
        for number, (down, across) in enumerate(self.places[1:], start=1):
            value = x_pad[:, down, across, :]
            self.winner[value > best] = number
            np.maximum(best, value, out=best)
        return best
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x; of equal largest values the first one gets it."""
        ### BEGIN SOLUTION pool_backward: return dx: every largest value gets the gradients of its windows
        dx_pad = np.zeros(self.pad_shape, dy.dtype)
        for number, (down, across) in enumerate(self.places):
            dx_pad[:, down, across, :] += np.where(self.winner == number, dy, 0)
        top, left = self.before
        return dx_pad[:, top : top + self.x_shape[1], left : left + self.x_shape[2], :]
        ### END SOLUTION


class GlobalAveragePooling2D(Layer):
    """The mean of every channel: (N, rows, columns, channels) to (N, channels)."""

    def forward(self, x, training=False):
        """Return (N, channels)."""
        ### BEGIN SOLUTION gap_forward: return the mean over rows and columns; keep what backward needs
        self.x_shape = x.shape
        return x.mean(axis=(1, 2))
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x."""
        ### BEGIN SOLUTION gap_backward: return dx, of the shape of x
        rows, columns = self.x_shape[1:3]
        return np.broadcast_to(dy[:, None, None, :] / (rows * columns), self.x_shape).copy()
        ### END SOLUTION


GlobalAvgPool2D = GlobalAveragePooling2D
MaxPooling2D = MaxPool2D


class Dropout(Layer):
    """Sets a share ``rate`` of all values to 0 in training and makes up for it; otherwise changes nothing."""

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate

    def forward(self, x, training=False):
        """Return x with a fresh mask; x itself when it is not training: formula (12)."""
        ### BEGIN SOLUTION dropout_forward: return x by formula (12), with generator().random(shape)
        if not training:
            self.mask = np.ones((), x.dtype)
            return x
        self.mask = ((generator().random(x.shape) >= self.rate) / (1 - self.rate)).astype(x.dtype)
        return x * self.mask
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x."""
        ### BEGIN SOLUTION dropout_backward: return dx with the mask of the forward pass
        return dy * self.mask
        ### END SOLUTION


class Flatten(Layer):
    """(N, rows, columns, channels) to (N, rows * columns * channels), without moving a number."""

    def forward(self, x, training=False):
        """Return x in its new shape."""
        ### BEGIN SOLUTION flatten_forward: return x as (N, everything else); keep what backward needs
        self.x_shape = x.shape
        return x.reshape(len(x), -1)
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient in the shape of x."""
        ### BEGIN SOLUTION flatten_backward: return dy in the shape of x
        return dy.reshape(self.x_shape)
        ### END SOLUTION


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
        ### BEGIN SOLUTION dense_forward: return x W + b; keep what backward needs
        self.x = x
        y = x @ self.kernel.value
        return y if self.bias is None else y + self.bias.value
        ### END SOLUTION

    def backward(self, dy):
        """Return the gradient of x; set ``gradient`` of kernel and bias."""
        ### BEGIN SOLUTION dense_backward: set self.kernel.gradient and self.bias.gradient, return dx
        self.kernel.gradient = self.x.T @ dy
        if self.bias is not None:
            self.bias.gradient = dy.sum(axis=0)
        return dy @ self.kernel.value.T
        ### END SOLUTION


class Concatenate(Layer):
    """Puts arrays one behind the other along an axis."""

    def __init__(self, axis=-1, **options):
        super().__init__(**options)
        self.axis = axis

    def forward(self, parts, training=False):
        """Return one array for a list of them."""
        ### BEGIN SOLUTION concat_forward: return the parts behind one another along self.axis
        self.lengths = [part.shape[self.axis] for part in parts]
        return np.concatenate(parts, axis=self.axis)
        ### END SOLUTION

    def backward(self, dy):
        """Return the list of the parts' gradients."""
        ### BEGIN SOLUTION concat_backward: return the list of the pieces of dy, one for each part
        return np.split(dy, np.cumsum(self.lengths)[:-1], axis=self.axis)
        ### END SOLUTION


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
        ### BEGIN SOLUTION loss_forward: return the mean loss; keep what backward needs
        self.labels = labels
        rows = np.arange(len(labels))
        if self.from_logits:
            shifted = y_pred - y_pred.max(axis=-1, keepdims=True)
            log_sum = np.log(np.exp(shifted).sum(axis=-1))
            self.probabilities = np.exp(shifted - log_sum[:, None])
            return (log_sum - shifted[rows, labels]).mean()
        self.probabilities = y_pred
        return -np.log(np.clip(y_pred[rows, labels], self.smallest, 1 - self.smallest)).mean()
        ### END SOLUTION

    def backward(self):
        """Return the gradient of the loss with respect to the outputs, (N, classes)."""
        ### BEGIN SOLUTION loss_backward: return the gradient by formula (14) or (15)
        rows = np.arange(len(self.labels))
        if self.from_logits:
            gradient = self.probabilities.copy()
            gradient[rows, self.labels] -= 1
            return gradient / len(rows)
        gradient = np.zeros_like(self.probabilities)
        right = self.probabilities[rows, self.labels]
        inside = (right >= self.smallest) & (right <= 1 - self.smallest)
        gradient[rows, self.labels] = np.where(inside, -1 / np.maximum(right, self.smallest), 0) / len(rows)
        return gradient
        ### END SOLUTION


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
        ### BEGIN SOLUTION adam: count the step, update the moments of every variable and its value by formula (16)
        self.iterations += 1
        t, b1, b2 = self.iterations, self.beta_1, self.beta_2
        rate = self.learning_rate * np.sqrt(1 - b2**t) / (1 - b1**t)
        for gradient, variable in grads_and_vars:
            m, v = self.moments.get(id(variable), (0.0, 0.0))
            m = b1 * m + (1 - b1) * gradient
            v = b2 * v + (1 - b2) * gradient**2
            self.moments[id(variable)] = m, v
            variable.value = variable.value - float(rate) * m / (np.sqrt(v) + self.epsilon)
        ### END SOLUTION
