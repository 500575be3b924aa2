"""LeNet for handwritten digits, with the layers as loops and as products of matrices, and its training.

Section 7 of the README has the table of the layers.
"""

import time
from collections import OrderedDict

import numpy as np
from chapter6 import CrossEntropy, FullyConnected, minibatch, softmax
from layers import Conv2D, Conv2D_gemm, Flatten, Pool2D


class LeNet:
    """LeNet: two convolutions, each with a max pooling behind it, and three fully connected layers.

    Parameters
    ----------
    fc3_out, fc4_out, fc5_out : int
        Outputs of the fully connected layers; the last is the number of classes.
    conv1_pad, conv1_out_ch, conv1_stride, conv1_kernel_shape
        Settings of the first convolution, and the same for the second one and for the poolings.
    optimizer, init_w : str
        Names of the optimiser and of the way to make the first weights.
    loss : object
        ``loss(y_true, y_pred)`` is called with one-hot labels and probabilities and returns the loss,
        ``loss.grad(y_true, y_pred)`` the gradient of the logits.

    Attributes
    ----------
    layers : OrderedDict
        The layers by name, in the order in which they run.
    """

    convolution = Conv2D

    def __init__(
        self,
        fc3_out=128,
        fc4_out=84,
        fc5_out=10,
        conv1_pad=0,
        conv2_pad=0,
        conv1_out_ch=6,
        conv2_out_ch=16,
        conv1_stride=1,
        pool1_stride=2,
        conv2_stride=1,
        pool2_stride=2,
        conv1_kernel_shape=(5, 5),
        pool1_kernel_shape=(2, 2),
        conv2_kernel_shape=(5, 5),
        pool2_kernel_shape=(2, 2),
        optimizer="adam",
        init_w="glorot_normal",
        loss=None,
    ):
        self.optimizer = optimizer
        self.init_w = init_w
        self.loss = CrossEntropy() if loss is None else loss
        self.fc3_out = fc3_out
        self.fc4_out = fc4_out
        self.fc5_out = fc5_out
        self.conv1_pad = conv1_pad
        self.conv2_pad = conv2_pad
        self.conv1_stride = conv1_stride
        self.conv1_out_ch = conv1_out_ch
        self.pool1_stride = pool1_stride
        self.conv2_out_ch = conv2_out_ch
        self.conv2_stride = conv2_stride
        self.pool2_stride = pool2_stride
        self.conv2_kernel_shape = conv2_kernel_shape
        self.pool2_kernel_shape = pool2_kernel_shape
        self.conv1_kernel_shape = conv1_kernel_shape
        self.pool1_kernel_shape = pool1_kernel_shape
        self.is_initialized = False

    def _set_params(self):
        """Make Conv1, Pool1, Conv2, Pool2, Flatten, FC3, FC4, FC5; convolutions are made by `self.convolution`."""
        self.layers = OrderedDict()
        common = {"optimizer": self.optimizer, "init_w": self.init_w}
        # TODO(lenet_layers): fill self.layers by the table of section 7
        raise NotImplementedError("TODO lenet_layers: fill self.layers by the table of section 7")
        self.is_initialized = True

    def forward(self, X_train):
        """Return the logits (n_samples, classes) of X_train (n_samples, rows, cols, 1), and all inputs by name."""
        Xs = {}
        out = X_train
        # TODO(lenet_forward): keep each layer's input in Xs, and give its output to the next layer
        raise NotImplementedError("TODO lenet_forward: keep each layer's input in Xs, and give its output to the next layer")
        return out, Xs

    def backward(self, grad):
        """Return the gradient of the input for that of the logits, and all layers' output gradients by name."""
        dXs = {}
        out = grad
        # TODO(lenet_backward): the same from the last layer to the first, with backward
        raise NotImplementedError("TODO lenet_backward: the same from the last layer to the first, with backward")
        return out, dXs

    def update(self):
        """Let every layer change its parameters, then forget the gradients."""
        for layer in self.layers.values():
            layer.update()
        self.flush_gradients()

    def flush_gradients(self, curr_loss=None):
        """Let every layer forget its gradients, and what it kept for the backward pass."""
        for layer in self.layers.values():
            layer.flush_gradients()

    def fit(self, X_train, y_train, n_epochs=20, batch_size=64, verbose=False, epo_verbose=True):
        """Train.

        Parameters
        ----------
        X_train : array of shape (n_samples, rows, cols, 1)
        y_train : array of shape (n_samples, classes)
            One-hot labels.
        n_epochs, batch_size : int
        verbose, epo_verbose : bool
            Whether to print the loss of every batch, of every epoch.
        """
        if not self.is_initialized:
            self._set_params()
        previous = np.inf
        for epoch in range(1, n_epochs + 1):
            loss, started = 0.0, time.time()
            batches, n_batch = minibatch(X_train, batch_size, shuffle=True)
            for number, indices in enumerate(batches, start=1):
                X_batch, y_batch = X_train[indices], y_train[indices]
                # TODO(lenet_step): forward, softmax, batch_loss, gradient, backward, update
                raise NotImplementedError("TODO lenet_step: forward, softmax, batch_loss, gradient, backward, update")
                loss += batch_loss
                if verbose:
                    print(f"\t[batch {number}/{n_batch}] loss {batch_loss:.3f}")
            loss /= n_batch
            if epo_verbose:
                minutes = (time.time() - started) / 60
                print(f"[epoch {epoch}] mean loss {loss:.3f}, {previous - loss:.3f} less ({minutes:.2f} min)")
            previous = loss

    def evaluate(self, X_test, y_test, batch_size=128):
        """Return the share of the pictures for which the largest logit is that of the right class."""
        right = 0
        batches, _ = minibatch(X_test, batch_size, shuffle=False)
        for indices in batches:
            logits, _ = self.forward(X_test[indices])
            right += np.sum(np.argmax(logits, axis=1) == np.argmax(y_test[indices], axis=1))
            # Nothing of this may be left when training goes on.
            self.flush_gradients()
        return right / len(X_test)

    @property
    def hyperparams(self):
        """Settings and parameters of the network."""
        settings = {name: value for name, value in vars(self).items() if name not in ("layers", "is_initialized")}
        components = {name: layer.params for name, layer in self.layers.items()} if self.is_initialized else {}
        return {**settings, "loss": str(self.loss), "components": components}


class LeNet_gemm(LeNet):
    """The same with convolutions as products of matrices."""

    convolution = Conv2D_gemm
