### OVER reference
from numba import njit, prange


@njit(parallel=True, fastmath=True)
def convolve(x, weight, bias, stride, out):
    n_samples, n_out, rows, cols = out.shape
    n_in, k = weight.shape[1], weight.shape[2]
    for job in prange(n_samples * n_out):
        n, o = job // n_out, job % n_out
        for r in range(rows):
            for c in range(cols):
                out[n, o, r, c] = bias[o]
        for i in range(n_in):
            for a in range(k):
                for b in range(k):
                    w = weight[o, i, a, b]
                    for r in range(rows):
                        for c in range(cols):
                            out[n, o, r, c] += w * x[n, i, r * stride + a, c * stride + b]


@njit(parallel=True)
def pool(x, k, stride, out):
    n_samples, channels, rows, cols = out.shape
    for job in prange(n_samples * channels):
        n, ch = job // channels, job % channels
        for r in range(rows):
            for c in range(cols):
                best = x[n, ch, r * stride, c * stride]
                for a in range(k):
                    for b in range(k):
                        best = max(best, x[n, ch, r * stride + a, c * stride + b])
                out[n, ch, r, c] = best


class ConvolutionalLayer:
    def init_param(self, std=0.01):
        shape = (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out)
        self.load_param(np.random.randn(*shape) * std, np.zeros(self.channel_out))

    def load_param(self, weight, bias):
        self.weight = weight
        self.bias = bias
        # the innermost loop walks over neighbouring pixels, so one number of the kernel at a time
        self.by_output = np.ascontiguousarray(weight.transpose(3, 0, 1, 2), dtype=np.float32)
        self.bias32 = np.ascontiguousarray(bias, dtype=np.float32)

    def forward(self, input):
        x = np.pad(np.asarray(input, np.float32), ((0, 0), (0, 0), (self.padding,) * 2, (self.padding,) * 2))
        rows = (x.shape[2] - self.kernel_size) // self.stride + 1
        cols = (x.shape[3] - self.kernel_size) // self.stride + 1
        out = np.empty((x.shape[0], self.channel_out, rows, cols), np.float32)
        convolve(x, self.by_output, self.bias32, self.stride, out)
        return out


class MaxPoolingLayer:
    def forward(self, input):
        rows = (input.shape[2] - self.kernel_size) // self.stride + 1
        cols = (input.shape[3] - self.kernel_size) // self.stride + 1
        out = np.empty(input.shape[:2] + (rows, cols), input.dtype)
        pool(input, self.kernel_size, self.stride, out)
        return out


class FlattenLayer:
    def __init__(self, input_shape, output_shape):
        self.input_shape, self.output_shape = input_shape, output_shape

    def forward(self, input):
        return np.ascontiguousarray(input.transpose(0, 2, 3, 1)).reshape(input.shape[0], -1)
