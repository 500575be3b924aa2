### OVER im2col_loops
"""Convolution and pooling as loops compiled by Numba, with sums in float64; float32 outside."""

import numba


@numba.njit
def correlate(x, kernel, sr, sc, out):
    n, h, w, f = out.shape
    kr, kc, c, _ = kernel.shape
    total = np.empty(f, np.float64)
    for m in range(n):
        for i in range(h):
            for j in range(w):
                total[:] = 0
                for a in range(kr):
                    for b in range(kc):
                        for d in range(c):
                            value = x[m, i * sr + a, j * sc + b, d]
                            if value != 0:
                                for q in range(f):
                                    total[q] += value * kernel[a, b, d, q]
                for q in range(f):
                    out[m, i, j, q] = total[q]


@numba.njit
def correlate_backward(x, kernel, sr, sc, dy, dx, dkernel):
    n, h, w, f = dy.shape
    kr, kc, c, _ = kernel.shape
    for m in range(n):
        for i in range(h):
            for j in range(w):
                for a in range(kr):
                    for b in range(kc):
                        for d in range(c):
                            value = x[m, i * sr + a, j * sc + b, d]
                            total = 0.0
                            for q in range(f):
                                total += dy[m, i, j, q] * kernel[a, b, d, q]
                                dkernel[a, b, d, q] += value * dy[m, i, j, q]
                            dx[m, i * sr + a, j * sc + b, d] += total


@numba.njit
def largest(x, kr, kc, sr, sc, out, where):
    n, h, w, c = out.shape
    for m in range(n):
        for i in range(h):
            for j in range(w):
                for d in range(c):
                    best = -np.inf
                    for a in range(kr):
                        for b in range(kc):
                            if x[m, i * sr + a, j * sc + b, d] > best:
                                best = x[m, i * sr + a, j * sc + b, d]
                                where[m, i, j, d] = a * kc + b
                    out[m, i, j, d] = best


@numba.njit
def largest_backward(dy, where, kc, sr, sc, dx):
    n, h, w, c = dy.shape
    for m in range(n):
        for i in range(h):
            for j in range(w):
                for d in range(c):
                    a, b = where[m, i, j, d] // kc, where[m, i, j, d] % kc
                    dx[m, i * sr + a, j * sc + b, d] += dy[m, i, j, d]


def bordered(x, kernel, strides, padding, value):
    (h, top, bottom), (w, left, right) = (
        output_and_zeros(x.shape[1 + axis], kernel[axis], strides[axis], padding) for axis in (0, 1)
    )
    xp = np.full((len(x), x.shape[1] + top + bottom, x.shape[2] + left + right, x.shape[3]), value, x.dtype)
    xp[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    return xp, h, w, top, left


class Conv2D(Layer):
    def forward(self, x, training=False):
        self.xp, h, w, self.top, self.left = bordered(x, self.kernel_size, self.strides, self.padding, 0)
        self.shape = x.shape
        y = np.empty((len(x), h, w, self.filters), x.dtype)
        correlate(self.xp, np.ascontiguousarray(self.kernel.value), *self.strides, y)
        return y + self.bias.value if self.use_bias else y

    def backward(self, dy):
        dx, dkernel = np.zeros(self.xp.shape), np.zeros(self.kernel.shape)
        kernel = np.ascontiguousarray(self.kernel.value)
        correlate_backward(self.xp, kernel, *self.strides, np.ascontiguousarray(dy), dx, dkernel)
        self.kernel.gradient = dkernel.astype(dy.dtype)
        if self.use_bias:
            self.bias.gradient = dy.sum(axis=(0, 1, 2))
        return dx[:, self.top :, self.left :][:, : self.shape[1], : self.shape[2]].astype(dy.dtype)


class MaxPool2D(Layer):
    def forward(self, x, training=False):
        xp, h, w, self.top, self.left = bordered(x, self.pool_size, self.strides, self.padding, -np.inf)
        self.shape, self.shape_pad = x.shape, xp.shape
        y = np.empty((len(x), h, w, x.shape[3]), x.dtype)
        self.where = np.zeros(y.shape, np.int64)
        largest(xp, *self.pool_size, *self.strides, y, self.where)
        return y

    def backward(self, dy):
        dx = np.zeros(self.shape_pad, dy.dtype)
        largest_backward(np.ascontiguousarray(dy), self.where, self.pool_size[1], *self.strides, dx)
        return dx[:, self.top :, self.left :][:, : self.shape[1], : self.shape[2]]
