### OVER reference
class ConvolutionalLayer:
    def init_param(self, std=0.01):
        self.weight = np.random.normal(0, std, (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out))
        self.bias = np.zeros((self.channel_out,))

    def load_param(self, weight, bias):
        self.weight = weight.astype(np.float64)
        self.bias = bias.astype(np.float64)

    def forward(self, input):
        x = input.transpose(0, 2, 3, 1)
        x = np.pad(x, ((0,), (self.padding,), (self.padding,), (0,)), mode='constant')
        last_row = x.shape[1] - self.kernel_size
        last_column = x.shape[2] - self.kernel_size
        total = self.bias
        for i in range(self.kernel_size):
            for j in range(self.kernel_size):
                part = x[:, i:i + last_row + 1:self.stride, j:j + last_column + 1:self.stride]
                total = total + np.tensordot(part, self.weight[:, i, j], axes=1)
        # channels last inside, a transposed view outside
        return total.transpose(0, 3, 1, 2)


class MaxPoolingLayer:
    def forward(self, input):
        rows = (input.shape[2] - self.kernel_size) // self.stride * self.stride + 1
        columns = (input.shape[3] - self.kernel_size) // self.stride * self.stride + 1
        best = None
        for i in range(self.kernel_size):
            for j in range(self.kernel_size):
                part = input[:, :, i:i + rows:self.stride, j:j + columns:self.stride]
                best = part if best is None else np.maximum(best, part)
        return best


class FlattenLayer:
    def __init__(self, input_shape, output_shape):
        self.input_shape, self.output_shape = input_shape, output_shape

    def forward(self, input):
        return np.stack([sample.transpose(1, 2, 0).flatten() for sample in input])
