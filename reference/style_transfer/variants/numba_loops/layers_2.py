"""Plain loops, compiled by Numba."""

from numba import njit


@njit
def convolve(x, weight, bias, stride, out):
    """Fill ``out`` by formula (3)."""
    for n in range(out.shape[0]):
        for c in range(out.shape[1]):
            for h in range(out.shape[2]):
                for w in range(out.shape[3]):
                    total = bias[c]
                    for k in range(weight.shape[0]):
                        for i in range(weight.shape[1]):
                            for j in range(weight.shape[2]):
                                total += weight[k, i, j, c] * x[n, k, h * stride + i, w * stride + j]
                    out[n, c, h, w] = total


@njit
def convolve_back(x, weight, stride, top_diff, d_weight, d_bias, diff_pad):
    """Fill the three gradients by formula (4)."""
    for n in range(top_diff.shape[0]):
        for c in range(top_diff.shape[1]):
            for h in range(top_diff.shape[2]):
                for w in range(top_diff.shape[3]):
                    diff = top_diff[n, c, h, w]
                    d_bias[c] += diff
                    for k in range(weight.shape[0]):
                        for i in range(weight.shape[1]):
                            for j in range(weight.shape[2]):
                                d_weight[k, i, j, c] += diff * x[n, k, h * stride + i, w * stride + j]
                                diff_pad[n, k, h * stride + i, w * stride + j] += diff * weight[k, i, j, c]


### BEGIN SOLUTION conv_forward_raw: compiled loops
convolve(self.input_pad, self.weight, self.bias, self.stride, self.output)
### END SOLUTION

### BEGIN SOLUTION conv_backward_raw: compiled loops
gradients = self.d_weight, self.d_bias, diff_pad
convolve_back(self.input_pad, self.weight, self.stride, top_diff, *gradients)
### END SOLUTION
