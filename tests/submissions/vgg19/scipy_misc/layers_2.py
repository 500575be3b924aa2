# -*- coding: utf-8 -*-
import numpy as np


class ConvolutionalLayer(object):
    def __init__(self, kernel_size, channel_in, channel_out, padding, stride):
        self.kernel_size = kernel_size
        self.channel_in = channel_in
        self.channel_out = channel_out
        self.padding = padding
        self.stride = stride

    def init_param(self, std=0.01):
        self.weight = np.random.normal(loc=0.0, scale=std, size=(self.channel_in, self.kernel_size, self.kernel_size, self.channel_out))
        self.bias = np.zeros([self.channel_out])

    def forward(self, input):
        self.input = input
        height = self.input.shape[2] + self.padding * 2
        width = self.input.shape[3] + self.padding * 2
        self.input_pad = np.zeros([self.input.shape[0], self.input.shape[1], height, width])
        self.input_pad[:, :, self.padding:self.padding + self.input.shape[2], self.padding:self.padding + self.input.shape[3]] = self.input
        height_out = int((height - self.kernel_size) / self.stride + 1)
        width_out = int((width - self.kernel_size) / self.stride + 1)
        # one column for each window, loops over the windows, then one product
        self.img_col = np.zeros([self.input.shape[0], self.channel_in * self.kernel_size ** 2, height_out * width_out])
        for idxh in range(height_out):
            for idxw in range(width_out):
                window = self.input_pad[:, :, idxh * self.stride:idxh * self.stride + self.kernel_size, idxw * self.stride:idxw * self.stride + self.kernel_size]
                self.img_col[:, :, idxh * width_out + idxw] = window.reshape(self.input.shape[0], -1)
        weight_row = self.weight.reshape(-1, self.channel_out).T
        self.output = np.matmul(weight_row, self.img_col) + self.bias.reshape(-1, 1)
        return self.output.reshape(self.input.shape[0], self.channel_out, height_out, width_out)

    def load_param(self, weight, bias):
        assert self.weight.shape == weight.shape
        assert self.bias.shape == bias.shape
        self.weight = weight
        self.bias = bias


class MaxPoolingLayer(object):
    def __init__(self, kernel_size, stride):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, input):
        height_out = int((input.shape[2] - self.kernel_size) / self.stride + 1)
        width_out = int((input.shape[3] - self.kernel_size) / self.stride + 1)
        self.output = np.zeros([input.shape[0], input.shape[1], height_out, width_out])
        for idxh in range(height_out):
            for idxw in range(width_out):
                hs, ws = idxh * self.stride, idxw * self.stride
                self.output[:, :, idxh, idxw] = np.max(input[:, :, hs:hs + self.kernel_size, ws:ws + self.kernel_size], axis=(2, 3))
        return self.output


class FlattenLayer(object):
    def __init__(self, input_shape, output_shape):
        self.input_shape = input_shape
        self.output_shape = output_shape

    def forward(self, input):
        self.input = np.transpose(input, [0, 2, 3, 1])
        self.output = self.input.reshape([self.input.shape[0]] + list(self.output_shape))
        return self.output
