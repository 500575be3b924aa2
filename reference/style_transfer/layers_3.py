"""The two losses of style transfer, with their gradients. Formulas carry the numbers of the README."""

import numpy as np


class ContentLossLayer:
    """How far the features of a picture are from those of the content picture."""

    def forward(self, input_layer, content_layer):
        """Return the loss of features (N, C, H, W): formula (7)."""
        ### BEGIN SOLUTION content_loss_forward: set self.loss by formula (7)
        self.loss = np.sum(np.square(input_layer - content_layer)) / (2 * input_layer.size)
        ### END SOLUTION
        return self.loss

    def backward(self, input_layer, content_layer):
        """Return the gradient of the loss with respect to input_layer: formula (8)."""
        ### BEGIN SOLUTION content_loss_backward: set self.bottom_diff by formula (8)
        self.bottom_diff = (input_layer - content_layer) / input_layer.size
        ### END SOLUTION
        return self.bottom_diff


class StyleLossLayer:
    """How far the Gram matrices of a picture's features are from those of the style picture.

    Attributes
    ----------
    gram_input, gram_style : arrays of shape (N, C, C)
        Kept by ``forward`` for ``backward``.
    input_layer_reshape : array of shape (N, C, H * W)
    """

    def forward(self, input_layer, style_layer):
        """Return the loss of features (N, C, H, W); the two pictures may differ in size: formulas (9) and (10)."""
        style_layer_reshape = np.reshape(style_layer, [style_layer.shape[0], style_layer.shape[1], -1])
        self.input_layer_reshape = np.reshape(input_layer, [input_layer.shape[0], input_layer.shape[1], -1])
        ### BEGIN SOLUTION style_loss_forward: set self.gram_style, self.gram_input and self.loss by (9) and (10)
        self.gram_style = np.matmul(style_layer_reshape, style_layer_reshape.transpose(0, 2, 1))
        self.gram_input = np.matmul(self.input_layer_reshape, self.input_layer_reshape.transpose(0, 2, 1))
        batch, channels, rows, columns = input_layer.shape
        self.divisor = batch * channels**2 * rows**2 * columns**2
        self.loss = np.sum(np.square(self.gram_input - self.gram_style)) / (4 * self.divisor)
        ### END SOLUTION
        return self.loss

    def backward(self, input_layer, style_layer):
        """Return the gradient of the loss with respect to input_layer, after ``forward``: formula (11)."""
        ### BEGIN SOLUTION style_loss_backward: set self.bottom_diff, of the shape of input_layer, by formula (11)
        difference = self.gram_input - self.gram_style
        bottom_diff = np.matmul(difference.transpose(0, 2, 1), self.input_layer_reshape) / self.divisor
        self.bottom_diff = np.reshape(bottom_diff, input_layer.shape)
        ### END SOLUTION
        return self.bottom_diff
