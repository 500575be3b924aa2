"""Every window is a column of one matrix, in the forward pass in float32."""

### BEGIN SOLUTION conv_forward_speedup: one product with all windows as columns
size = self.kernel_size
columns = np.zeros((self.input.shape[0], self.channel_in * size * size, height_out * width_out), np.float32)
for idxh in range(height_out):
    for idxw in range(width_out):
        top, left = idxh * self.stride, idxw * self.stride
        window = self.input_pad[:, :, top : top + size, left : left + size]
        columns[:, :, idxh * width_out + idxw] = window.reshape(len(window), -1)
matrix = self.weight.reshape(-1, self.channel_out).T.astype(np.float32)
self.output = (matrix @ columns + self.bias.reshape(-1, 1)).reshape(self.output.shape)
### END SOLUTION

### BEGIN SOLUTION conv_backward_speedup: columns added up window by window
size = self.kernel_size
matrix = self.weight.reshape(-1, self.channel_out)
columns = matrix @ top_diff.reshape(len(top_diff), self.channel_out, -1)
for idxh in range(top_diff.shape[2]):
    for idxw in range(top_diff.shape[3]):
        top, left = idxh * self.stride, idxw * self.stride
        part = columns[:, :, idxh * top_diff.shape[3] + idxw]
        diff_pad[:, :, top : top + size, left : left + size] += part.reshape(-1, self.channel_in, size, size)
### END SOLUTION

### BEGIN SOLUTION pool_forward_speedup: window by window
size = self.kernel_size
self.output = np.zeros((*self.input.shape[:2], height_out, width_out))
for idxh in range(height_out):
    for idxw in range(width_out):
        top, left = idxh * self.stride, idxw * self.stride
        window = self.input[:, :, top : top + size, left : left + size]
        self.output[:, :, idxh, idxw] = window.max(axis=(2, 3))
### END SOLUTION
