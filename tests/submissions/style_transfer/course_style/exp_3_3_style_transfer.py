# coding:utf-8
import os
import numpy as np
import scipy.io
import scipy.misc
import time

from stu_upload.layers_1 import ReLULayer
from stu_upload.layers_2 import ConvolutionalLayer, MaxPoolingLayer
from stu_upload.layers_3 import ContentLossLayer, StyleLossLayer

class VGG19(object):
    def __init__(self, param_path='imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.param_layer_name = []
        for stage, count in enumerate([2, 2, 4, 4, 4]):
            for i in range(count):
                self.param_layer_name += ['conv%d_%d' % (stage + 1, i + 1), 'relu%d_%d' % (stage + 1, i + 1)]
            self.param_layer_name.append('pool%d' % (stage + 1))

    def build_model(self):
        # 1: use the speedup layers
        conv_type, pool_type = 1, 1
        self.layers = {}
        sizes = [3, 64, 128, 256, 512, 512]
        for name in self.param_layer_name:
            stage = int(name[4])
            if name[:4] == 'conv':
                channel_in = sizes[stage - 1] if name[-2:] == '_1' else sizes[stage]
                self.layers[name] = ConvolutionalLayer(3, channel_in, sizes[stage], 1, 1, conv_type)
            elif name[:4] == 'relu':
                self.layers[name] = ReLULayer()
            else:
                self.layers[name] = MaxPoolingLayer(2, 2, pool_type)
        self.update_layer_list = [name for name in self.layers.keys() if 'conv' in name]

    def init_model(self):
        for layer_name in self.update_layer_list:
            self.layers[layer_name].init_param()

    def load_model(self):
        params = scipy.io.loadmat(self.param_path)
        self.image_mean = np.mean(params['normalization'][0][0][0], axis=(0, 1))
        for idx in range(37):
            if 'conv' in self.param_layer_name[idx]:
                weight, bias = params['layers'][0][idx][0][0][0][0]
                weight = np.transpose(weight, [2, 0, 1, 3])
                self.layers[self.param_layer_name[idx]].load_param(weight, bias.reshape(-1))

    def load_image(self, image_dir, image_height, image_width):
        self.input_image = scipy.misc.imread(image_dir)
        image_shape = self.input_image.shape
        self.input_image = scipy.misc.imresize(self.input_image, [image_height, image_width, 3])
        self.input_image = np.array(self.input_image).astype(np.float32)
        self.input_image -= self.image_mean
        self.input_image = np.reshape(self.input_image, [1] + list(self.input_image.shape))
        self.input_image = np.transpose(self.input_image, [0, 3, 1, 2])
        return self.input_image, image_shape

    def save_image(self, input_image, image_shape, image_dir):
        input_image = np.transpose(input_image, [0, 2, 3, 1])
        input_image = input_image[0] + self.image_mean
        input_image = np.clip(input_image, 0, 255).astype(np.uint8)
        input_image = scipy.misc.imresize(input_image, image_shape)
        scipy.misc.imsave(image_dir, input_image)

    def forward(self, input_image, layer_list):
        current = input_image
        layer_forward = {}
        for idx in range(len(self.param_layer_name)):
            current = self.layers[self.param_layer_name[idx]].forward(current)
            if self.param_layer_name[idx] in layer_list:
                layer_forward[self.param_layer_name[idx]] = current
        return layer_forward

    def backward(self, dloss, layer_name):
        layer_idx = list.index(self.param_layer_name, layer_name)
        for idx in range(layer_idx, -1, -1):
            dloss = self.layers[self.param_layer_name[idx]].backward(dloss)
        return dloss

def get_random_img(content_image, noise):
    noise_image = np.random.uniform(-20, 20, content_image.shape)
    random_img = noise_image * noise + content_image * (1 - noise)
    return random_img

class AdamOptimizer(object):
    def __init__(self, lr, diff_shape):
        self.beta1 = 0.9
        self.beta2 = 0.999
        self.eps = 1e-8
        self.lr = lr
        self.mt = np.zeros(diff_shape)
        self.vt = np.zeros(diff_shape)
        self.step = 0
    def update(self, input, grad):
        self.step += 1
        self.mt = self.beta1 * self.mt + (1 - self.beta1) * grad
        self.vt = self.beta2 * self.vt + (1 - self.beta2) * np.square(grad)
        mt_hat = self.mt / (1 - self.beta1 ** self.step)
        vt_hat = self.vt / (1 - self.beta2 ** self.step)
        output = input - self.lr * mt_hat / (np.sqrt(vt_hat) + self.eps)
        return output

if __name__ == '__main__':
    vgg = VGG19()
