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
        ### BEGIN SOLUTION conv_single: set outputs by formula (1)
        p, s = self.padding, self.stride
        u, v = self.weight.shape
        padded = np.pad(X, ((0, 0), (p, p), (p, p)))
        rows, columns = (padded.shape[1] - u) // s + 1, (padded.shape[2] - v) // s + 1
        outputs = np.zeros((len(X), rows, columns), X.dtype)
        for i in range(rows):
            for j in range(columns):
                window = padded[:, i * s : i * s + u, j * s : j * s + v]
                outputs[:, i, j] = np.sum(window * self.weight, axis=(1, 2))
        ### END SOLUTION
        return outputs

    def backward(self, out_grad):
        """Set ``grads["weight"]`` (U, V) and return the gradient of X (B, M, N), for out_grad (B, M', N')."""
        X = self.X
        ### BEGIN SOLUTION conv_single_backward: set d_weight and in_grad by formula (3)
        p, s = self.padding, self.stride
        u, v = self.weight.shape
        padded = np.pad(X, ((0, 0), (p, p), (p, p)))
        grad_padded = np.zeros(padded.shape, out_grad.dtype)
        d_weight = np.zeros(self.weight.shape, out_grad.dtype)
        for i in range(out_grad.shape[1]):
            for j in range(out_grad.shape[2]):
                place = slice(None), slice(i * s, i * s + u), slice(j * s, j * s + v)
                share = out_grad[:, i, j][:, None, None]
                d_weight += np.sum(share * padded[place], axis=0)
                grad_padded[place] += share * self.weight
        in_grad = grad_padded[:, p : p + X.shape[1], p : p + X.shape[2]]
        ### END SOLUTION
        self.grads["weight"] = d_weight
        return in_grad


def laplacian(neighbours=8):
    """Return the Laplacian kernel (3, 3) of 4 or 8 neighbours, its middle positive."""
    ### BEGIN SOLUTION laplacian: set kernel to the kernel of 4 or of 8 neighbours, formula (4)
    if neighbours == 4:
        kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32)
    else:
        kernel = np.full((3, 3), -1, np.float32)
        kernel[1, 1] = 8
    ### END SOLUTION
    return kernel


def edges(picture, neighbours=8):
    """Return the response (M - 2, N - 2), with its sign, of a grey picture (M, N) to the Laplacian kernel."""
    ### BEGIN SOLUTION edges: set response with Conv2D and laplacian; no padding, nothing cut off
    conv = Conv2D(kernel_size=3, weight_attr=laplacian(neighbours))
    response = conv(np.asarray(picture, np.float32)[None])[0]
    ### END SOLUTION
    return response
