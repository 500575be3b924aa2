# coding=utf-8
import numpy as np

class ContentLossLayer(object):
    def __init__(self):
        print('\tContent loss layer.')
    def forward(self, input_layer, content_layer):
        loss = np.sum((input_layer - content_layer) ** 2) / (2.0 * input_layer.shape[0] * input_layer.shape[1] * input_layer.shape[2] * input_layer.shape[3])
        return loss
    def backward(self, input_layer, content_layer):
        bottom_diff = (input_layer - content_layer) / (input_layer.shape[0] * input_layer.shape[1] * input_layer.shape[2] * input_layer.shape[3])
        return bottom_diff

class StyleLossLayer(object):
    def __init__(self):
        print('\tStyle loss layer.')
    def forward(self, input_layer, style_layer):
        style_layer_reshape = np.reshape(style_layer, [style_layer.shape[0], style_layer.shape[1], -1])
        self.gram_style = np.array([np.matmul(style_layer_reshape[i,:,:], style_layer_reshape[i,:,:].T) for i in range(style_layer.shape[0])])
        self.input_layer_reshape = np.reshape(input_layer, [input_layer.shape[0], input_layer.shape[1], -1])
        self.gram_input = np.zeros([input_layer.shape[0], input_layer.shape[1], input_layer.shape[1]])
        for idxn in range(input_layer.shape[0]):
            self.gram_input[idxn, :, :] = np.matmul(self.input_layer_reshape[idxn,:,:], self.input_layer_reshape[idxn,:,:].T)
        M = input_layer.shape[2] * input_layer.shape[3]
        N = input_layer.shape[1]
        self.div = M * M * N * N
        style_diff = self.gram_input - self.gram_style
        loss = np.sum(style_diff ** 2) / (4.0 * self.div * input_layer.shape[0])
        return loss
    def backward(self, input_layer, style_layer):
        bottom_diff = np.zeros([input_layer.shape[0], input_layer.shape[1], input_layer.shape[2]*input_layer.shape[3]])
        for idxn in range(input_layer.shape[0]):
            bottom_diff[idxn, :, :] = np.matmul((self.gram_input[idxn,:,:] - self.gram_style[idxn,:,:]).T, self.input_layer_reshape[idxn,:,:]) / (self.div * input_layer.shape[0])
        bottom_diff = np.reshape(bottom_diff, input_layer.shape)
        return bottom_diff
