import numpy as np


def gram(f):
    m = f.reshape(f.shape[0], f.shape[1], -1).astype(np.float64)
    return m @ m.transpose(0, 2, 1)


class ContentLossLayer(object):
    def forward(self, input_layer, content_layer):
        self.diff = input_layer.astype(np.float64) - content_layer
        return float((self.diff ** 2).sum() / (2 * self.diff.size))

    def backward(self, input_layer, content_layer):
        return ((input_layer - content_layer) / input_layer.size).astype(np.float32)


class StyleLossLayer(object):
    def forward(self, input_layer, style_layer):
        n, c, h, w = input_layer.shape
        self.gram_diff = gram(input_layer) - gram(style_layer)
        self.factor = n * c ** 2 * h ** 2 * w ** 2
        return float((self.gram_diff ** 2).sum() / (4 * self.factor))

    def backward(self, input_layer, style_layer):
        n, c, h, w = input_layer.shape
        flat = input_layer.reshape(n, c, h * w)
        return (self.gram_diff.transpose(0, 2, 1) @ flat / self.factor).reshape(n, c, h, w)
