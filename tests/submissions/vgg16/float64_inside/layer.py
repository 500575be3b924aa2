"""Everything is computed in double precision, small convolutions in the frequency domain."""
import numpy as np


def spectrum(planes, size):
    return np.fft.rfft2(planes.astype(np.float64), s=size)


class Base:
    weight = bias = None

    def load_params(self, weight, bias):
        assert weight.shape == self.weight.shape, (weight.shape, self.weight.shape)
        assert bias.shape == self.bias.shape, (bias.shape, self.bias.shape)
        self.weight = weight
        self.bias = bias


class ConvolutionLayer(Base):
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, stride=1):
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.padding, self.stride = kernel_size, padding, stride
        self.weight = np.zeros((out_channels, in_channels, kernel_size, kernel_size))
        self.bias = np.zeros((out_channels,))

    def forward(self, inputs):
        p, s, k = self.padding, self.stride, self.kernel_size
        x = np.pad(inputs.astype(np.float64), ((0, 0), (0, 0), (p, p), (p, p)))
        self.in_shape, self.pad_shape = inputs.shape, x.shape
        weight = self.weight.astype(np.float64)
        rows, cols = x.shape[2] - k + 1, x.shape[3] - k + 1
        y = np.zeros((len(x), self.out_channels, rows, cols)) + self.bias.astype(np.float64)[:, None, None]
        if rows * cols > 4096 or self.out_channels * self.in_channels > 1024:
            for i in range(k):
                for j in range(k):
                    y += np.einsum('ck,nkhw->nchw', weight[:, :, i, j], x[:, :, i:i + rows, j:j + cols],
                                   optimize=True)
        else:
            # a product with the conjugate spectrum is a circular correlation; the first rows and columns of it
            # are those in which nothing wraps around
            size = x.shape[2:]
            product = np.einsum('nkhw,ckhw->nchw', spectrum(x, size), spectrum(weight, size).conj())
            y += np.fft.irfft2(product, s=size)[:, :, :rows, :cols]
        return y[:, :, ::s, ::s]

    def backward(self, out_grad):
        p, s, k = self.padding, self.stride, self.kernel_size
        n_all, _, h, w = self.in_shape
        spread = np.zeros((n_all, self.out_channels, self.pad_shape[2] - k + 1, self.pad_shape[3] - k + 1))
        spread[:, :, ::s, ::s] = out_grad
        rows, cols = spread.shape[2:]
        weight = self.weight.astype(np.float64)
        dx = np.zeros(self.pad_shape)
        if rows * cols > 4096 or self.out_channels * self.in_channels > 1024:
            for i in range(k):
                for j in range(k):
                    dx[:, :, i:i + rows, j:j + cols] += np.einsum('ck,nchw->nkhw', weight[:, :, i, j], spread,
                                                                  optimize=True)
        else:
            size = dx.shape[2:]
            product = np.einsum('nchw,ckhw->nkhw', spectrum(spread, size), spectrum(weight, size))
            dx += np.fft.irfft2(product, s=size)
        return dx[:, :, p:p + h, p:p + w]


class MaxPoolLayer:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, inputs):
        x = inputs.astype(np.float64)
        k, s = self.kernel_size, self.stride
        rows, cols = (x.shape[2] - k) // s + 1, (x.shape[3] - k) // s + 1
        stack = np.stack([x[:, :, t // k:t // k + s * rows:s, t % k:t % k + s * cols:s][:, :, :rows, :cols]
                          for t in range(k * k)])
        self.first, self.shape = stack.argmax(axis=0), x.shape
        return stack.max(axis=0)

    def backward(self, out_grad):
        dx = np.zeros(self.shape)
        k, s = self.kernel_size, self.stride
        rows, cols = out_grad.shape[2:]
        for t in range(k * k):
            i, j = t // k, t % k
            dx[:, :, i:i + s * rows:s, j:j + s * cols:s][:, :, :rows, :cols] += (self.first == t) * out_grad
        return dx


class ReluLayer:
    def forward(self, inputs):
        self.slope = np.heaviside(inputs.astype(np.float64), 0)
        return inputs * self.slope

    def backward(self, out_grad):
        return out_grad * self.slope


class FlattenLayer:
    def forward(self, inputs):
        self.shape = inputs.shape
        return inputs.astype(np.float64).reshape(inputs.shape[0], -1)

    def backward(self, out_grad):
        return out_grad.reshape(self.shape)


class FullyConnectLayer(Base):
    def __init__(self, in_features, out_features):
        self.weight = np.zeros((out_features, in_features), dtype=np.float32)
        self.bias = np.zeros(out_features, dtype=np.float32)

    def forward(self, inputs):
        return np.array([[np.dot(w.astype(np.float64), x) for w in self.weight] for x in inputs]) + self.bias

    def backward(self, out_grad):
        total = np.zeros((len(out_grad), self.weight.shape[1]))
        for out in range(self.weight.shape[0]):
            total += out_grad[:, out:out + 1].astype(np.float64) * self.weight[out]
        return total


class CrossEntropy:
    def forward(self, logits, labels):
        z = logits.astype(np.float64)
        z = z - z.max(axis=1, keepdims=True)
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        self.y = np.eye(z.shape[1])[labels]
        return -(self.y * np.log(self.p)).sum() / len(z)

    def backward(self):
        return (self.p - self.y) / len(self.p)
