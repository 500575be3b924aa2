import numpy as np


class ContentLossLayer:
    def forward(self, input_layer, content_layer):
        d = input_layer - content_layer
        return 0.5 * np.mean(d * d)

    def backward(self, input_layer, content_layer):
        return (input_layer - content_layer) / input_layer.size


class StyleLossLayer:
    def forward(self, input_layer, style_layer):
        n, c, h, w = input_layer.shape
        self.d = np.einsum('nihw,njhw->nij', input_layer, input_layer) \
            - np.einsum('nihw,njhw->nij', style_layer, style_layer)
        self.scale = 1.0 / (n * (c * h * w) ** 2)
        return 0.25 * self.scale * np.einsum('nij,nij->', self.d, self.d)

    def backward(self, input_layer, style_layer):
        return self.scale * np.einsum('nji,njhw->nihw', self.d, input_layer)
