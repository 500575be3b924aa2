"""Windows as a view, and sums over it by einsum."""

from numpy.lib.stride_tricks import sliding_window_view

### BEGIN SOLUTION conv_forward_speedup: einsum over a view of the windows
windows = sliding_window_view(self.input_pad, (self.kernel_size,) * 2, axis=(2, 3))
windows = windows[:, :, :: self.stride, :: self.stride]
self.output = np.einsum("nchwij,cijo->nohw", windows, self.weight, optimize=True)
self.output = self.output + self.bias[:, None, None]
### END SOLUTION

### BEGIN SOLUTION conv_backward_speedup: a convolution with the kernel turned round
size = self.kernel_size
batch, channels, rows, columns = top_diff.shape
spread = np.zeros((batch, channels, (rows - 1) * self.stride + 1, (columns - 1) * self.stride + 1))
spread[:, :, :: self.stride, :: self.stride] = top_diff
spread = np.pad(spread, ((0, 0), (0, 0), (size - 1,) * 2, (size - 1,) * 2))
windows = sliding_window_view(spread, (size, size), axis=(2, 3))
share = np.einsum("nohwij,cijo->nchw", windows, self.weight[:, ::-1, ::-1], optimize=True)
diff_pad[:, :, : share.shape[2], : share.shape[3]] = share
### END SOLUTION
