"""Convolution of one channel, and the edges of a picture with Laplacian kernels. Section 2 of the README."""

import numpy as np
from nndl import Layer


class Conv2D(Layer):
    """Convolution (strictly: cross-correlation) of pictures of one channel with one kernel, without a bias.

    Parameters
    ----------
    kernel_size, stride, padding : int
        Rows and columns of the kernel, step from window to window, zeros around the picture.
    weight_attr : list of lists or array
        The first kernel; one of another size than ``kernel_size`` is replaced by ones.
    """

    def __init__(self, kernel_size, stride=1, padding=0, weight_attr=((0.0, 1.0), (2.0, 3.0))):
        super().__init__()
        weight = np.array(weight_attr, np.float32)
        self.weight = weight if weight.shape == (kernel_size,) * 2 else np.ones((kernel_size,) * 2, np.float32)
        self.stride = stride
        self.padding = padding
        self.grads = {"weight": np.zeros_like(self.weight)}

    def forward(self, X):
        """Return the outputs (B, M', N') for X (B, M, N)."""
        self.X = X
        # TODO(conv_single): set outputs by formula (1)
        raise NotImplementedError("TODO conv_single: set outputs by formula (1)")
        return outputs

    def backward(self, out_grad):
        """Set ``grads["weight"]`` (U, V) and return the gradient of X (B, M, N), for out_grad (B, M', N')."""
        X = self.X
        # TODO(conv_single_backward): set d_weight and in_grad by formula (3)
        raise NotImplementedError("TODO conv_single_backward: set d_weight and in_grad by formula (3)")
        self.grads["weight"] = d_weight
        return in_grad


def laplacian(neighbours=8):
    """Return the Laplacian kernel (3, 3) of 4 or 8 neighbours, its middle positive."""
    # TODO(laplacian): set kernel to the kernel of 4 or of 8 neighbours, formula (4)
    raise NotImplementedError("TODO laplacian: set kernel to the kernel of 4 or of 8 neighbours, formula (4)")
    return kernel


def edges(picture, neighbours=8):
    """Return the response (M - 2, N - 2), with its sign, of a grey picture (M, N) to the Laplacian kernel."""
    # TODO(edges): set response with Conv2D and laplacian; no padding, nothing cut off
    raise NotImplementedError("TODO edges: set response with Conv2D and laplacian; no padding, nothing cut off")
    return response
