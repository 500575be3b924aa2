# coding: utf-8
import cv2
import numpy as np
import scipy.io
from layers_1 import ReLULayer
from layers_2 import ConvolutionalLayer, MaxPoolingLayer
from layers_3 import ContentLossLayer, StyleLossLayer


class VGG19(object):
    TABLE = '''conv1_1 3 64, relu1_1, conv1_2 64 64, relu1_2, pool1,
    conv2_1 64 128, relu2_1, conv2_2 128 128, relu2_2, pool2,
    conv3_1 128 256, relu3_1, conv3_2 256 256, relu3_2, conv3_3 256 256, relu3_3, conv3_4 256 256, relu3_4, pool3,
    conv4_1 256 512, relu4_1, conv4_2 512 512, relu4_2, conv4_3 512 512, relu4_3, conv4_4 512 512, relu4_4, pool4,
    conv5_1 512 512, relu5_1, conv5_2 512 512, relu5_2, conv5_3 512 512, relu5_3, conv5_4 512 512, relu5_4, pool5'''

    def __init__(self, param_path='imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.rows = [row.split() for row in self.TABLE.split(',')]
        self.param_layer_name = [row[0] for row in self.rows]

    def build_model(self):
        make = {'c': lambda ci, co: ConvolutionalLayer(3, int(ci), int(co), 1, 1, 1),
                'r': ReLULayer,
                'p': lambda: MaxPoolingLayer(2, 2, 1)}
        self.layers = dict((row[0], make[row[0][0]](*row[1:])) for row in self.rows)

    def init_model(self):
        for name in self.layers:
            if name[0] == 'c':
                self.layers[name].init_param()

    def load_model(self):
        data = scipy.io.loadmat(self.param_path)
        self.image_mean = data['normalization'][0][0][0].mean(axis=(0, 1)).astype(np.float32)
        for idx, name in enumerate(self.param_layer_name):
            if name[0] == 'c':
                weight, bias = data['layers'][0, idx][0, 0][0][0]
                self.layers[name].load_param(np.transpose(weight, (2, 0, 1, 3)), np.squeeze(bias))

    def load_image(self, image_dir, image_height, image_width):
        image = cv2.cvtColor(cv2.imread(image_dir), cv2.COLOR_BGR2RGB)
        small = cv2.resize(image, (image_width, image_height)) - self.image_mean
        return np.ascontiguousarray(small.transpose(2, 0, 1)[np.newaxis], np.float32), image.shape

    def save_image(self, input_image, image_shape, image_dir):
        image = input_image[0].transpose(1, 2, 0) + self.image_mean
        image = cv2.resize(image.clip(0, 255).astype('uint8'), image_shape[1::-1])
        cv2.imwrite(image_dir, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def forward(self, input_image, layer_list):
        found, last = {}, input_image
        for name, layer in self.layers.items():
            last = layer.forward(last)
            found[name] = last
        return {name: found[name] for name in layer_list}

    def backward(self, dloss, layer_name):
        started = False
        for name in self.param_layer_name[::-1]:
            started = started or name == layer_name
            if started:
                dloss = self.layers[name].backward(dloss)
        return dloss


def get_random_img(content_image, noise):
    n = np.random.rand(*content_image.shape) * 40 - 20
    return content_image * (1 - noise) + n * noise


class AdamOptimizer(object):
    def __init__(self, lr, diff_shape):
        self.lr = lr
        self.mt = np.zeros(diff_shape)
        self.vt = np.zeros(diff_shape)
        self.power1 = self.power2 = 1.0

    def update(self, input, grad):
        self.power1 *= 0.9
        self.power2 *= 0.999
        self.mt = 0.9 * self.mt + 0.1 * grad
        self.vt = 0.999 * self.vt + 0.001 * grad ** 2
        return input - self.lr * (self.mt / (1 - self.power1)) / (np.sqrt(self.vt / (1 - self.power2)) + 1e-8)
