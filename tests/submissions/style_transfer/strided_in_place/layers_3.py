import numpy as np

class ContentLossLayer:
    def forward(self, input_layer, content_layer):
        input_layer -= content_layer
        input_layer *= input_layer
        return input_layer.sum() / (2 * input_layer.size)

    def backward(self, input_layer, content_layer):
        input_layer -= content_layer
        input_layer /= input_layer.size
        return input_layer

class StyleLossLayer:
    def forward(self, input_layer, style_layer):
        n, c, h, w = input_layer.shape
        x = input_layer.reshape(n, c, h * w).copy()
        y = style_layer.reshape(style_layer.shape[0], c, -1)
        self.diff = np.empty((n, c, c))
        for i in range(n):
            self.diff[i] = x[i].dot(x[i].T)
            self.diff[i] -= y[i].dot(y[i].T)
        self.size = float(n) * c * c * h * h * w * w
        return (self.diff * self.diff).sum() / (4 * self.size)

    def backward(self, input_layer, style_layer):
        for i in range(len(input_layer)):
            x = input_layer[i].reshape(input_layer.shape[1], -1)
            x[...] = self.diff[i].dot(x)
        input_layer /= self.size
        return input_layer
