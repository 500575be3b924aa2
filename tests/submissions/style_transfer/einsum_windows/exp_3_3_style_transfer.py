import cv2
import numpy as np
from scipy.io import loadmat

from layers_1 import *
from layers_2 import *
from layers_3 import *

CONFIG = [(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)]


class VGG19:
    def __init__(self, param_path='imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.param_layer_name = tuple(
            name for s, (_, n) in enumerate(CONFIG, 1)
            for name in [kind + '%d_%d' % (s, i) for i in range(1, n + 1) for kind in ('conv', 'relu')] + ['pool%d' % s])

    def build_model(self):
        self.layers = {}
        c = 3
        for name in self.param_layer_name:
            if name.startswith('conv'):
                width = CONFIG[int(name[4]) - 1][0]
                self.layers[name] = ConvolutionalLayer(3, c, width, 1, 1, type=1)
                c = width
            elif name.startswith('relu'):
                self.layers[name] = ReLULayer()
            else:
                self.layers[name] = MaxPoolingLayer(2, 2, type=1)

    def init_model(self):
        for name, layer in self.layers.items():
            if name.startswith('conv'):
                layer.init_param()

    def load_model(self):
        mat = loadmat(self.param_path)
        self.mean = mat['normalization'][0][0][0].reshape(-1, 3).mean(axis=0)
        for i, name in enumerate(self.param_layer_name):
            if name.startswith('conv'):
                w, b = mat['layers'][0][i][0][0][0][0]
                self.layers[name].load_param(w.transpose(2, 0, 1, 3), b.ravel())

    def load_image(self, path, h, w):
        img = cv2.imread(path)[:, :, ::-1]
        shape = img.shape
        img = cv2.resize(np.ascontiguousarray(img), (w, h)).astype(np.float64) - self.mean
        return img.transpose(2, 0, 1)[None], shape

    def save_image(self, image, shape, path):
        img = np.clip(image[0].transpose(1, 2, 0) + self.mean, 0, 255).astype(np.uint8)
        cv2.imwrite(path, cv2.resize(img[:, :, ::-1], (shape[1], shape[0])))

    def forward(self, x, layer_list):
        kept = {}
        for name in self.param_layer_name:
            x = self.layers[name].forward(x)
            if name in layer_list:
                kept[name] = x
        return kept

    def backward(self, dloss, layer_name):
        names = self.param_layer_name[:self.param_layer_name.index(layer_name) + 1]
        for name in reversed(names):
            dloss = self.layers[name].backward(dloss)
        return dloss


def get_random_img(content_image, noise):
    return noise * np.random.uniform(-20, 20, content_image.shape) + (1 - noise) * content_image


class AdamOptimizer:
    def __init__(self, lr, diff_shape):
        self.lr, self.t = lr, 0
        self.m, self.v = np.zeros(diff_shape), np.zeros(diff_shape)

    def update(self, x, g):
        self.t += 1
        self.m += 0.1 * (g - self.m)
        self.v += 0.001 * (g * g - self.v)
        c1, c2 = 1 - 0.9 ** self.t, 1 - 0.999 ** self.t
        return x - self.lr * (self.m / c1) / (np.sqrt(self.v / c2) + 1e-8)
