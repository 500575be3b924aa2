import numpy as np
import scipy.io
import scipy.misc
from stu_upload.layers_1 import *
from stu_upload.layers_2 import ConvolutionalLayer, MaxPoolingLayer
from stu_upload.layers_3 import ContentLossLayer, StyleLossLayer

class VGG19:
    def __init__(self, param_path='./imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.param_layer_name = []
        for stage in range(1, 6):
            for i in range(1, (3 if stage < 3 else 5)):
                self.param_layer_name.append('conv%d_%d' % (stage, i))
                self.param_layer_name.append('relu%d_%d' % (stage, i))
            self.param_layer_name.append('pool%d' % stage)

    def build_model(self):
        self.layers = {}
        channel = 3
        for name in self.param_layer_name:
            if 'conv' in name:
                out = min(512, 32 << int(name[4]))
                self.layers[name] = ConvolutionalLayer(3, channel, out, 1, 1, 1)
                channel = out
            elif 'relu' in name:
                self.layers[name] = ReLULayer()
            else:
                self.layers[name] = MaxPoolingLayer(2, 2, 1)

    def init_model(self):
        [layer.init_param() for layer in self.layers.values() if isinstance(layer, ConvolutionalLayer)]

    def load_model(self):
        params = scipy.io.loadmat(self.param_path)
        self.image_mean = params['normalization'][0][0][0].mean(0).mean(0)
        for name, stored in zip(self.param_layer_name, params['layers'][0]):
            if 'conv' in name:
                weight, bias = stored[0][0][0][0]
                self.layers[name].load_param(weight.transpose(2, 0, 1, 3), bias.flatten())

    def load_image(self, image_dir, image_height, image_width):
        image = scipy.misc.imread(image_dir)
        shape = image.shape
        image = scipy.misc.imresize(image, (image_height, image_width)).astype('float32')
        image -= self.image_mean.astype('float32')
        return image.transpose(2, 0, 1).reshape(1, 3, image_height, image_width), shape

    def save_image(self, input_image, image_shape, image_dir):
        image = input_image[0].transpose(1, 2, 0)
        image += self.image_mean.astype(image.dtype)
        np.clip(image, 0, 255, out=image)
        scipy.misc.imsave(image_dir, scipy.misc.imresize(image.astype(np.uint8), image_shape[:2]))

    def forward(self, input_image, layer_list):
        kept = {}
        for name in self.param_layer_name:
            input_image = self.layers[name].forward(input_image)
            if name in layer_list:
                # the next layers write into what they are given
                kept[name] = input_image.copy()
        return kept

    def backward(self, dloss, layer_name):
        while True:
            dloss = self.layers[layer_name].backward(dloss)
            idx = self.param_layer_name.index(layer_name)
            if idx == 0:
                return dloss
            layer_name = self.param_layer_name[idx - 1]

def get_random_img(content_image, noise):
    image = np.random.uniform(-20, 20, content_image.shape)
    image *= noise
    content_image *= 1 - noise
    image += content_image
    return image

class AdamOptimizer:
    def __init__(self, lr, diff_shape):
        self.lr, self.step = lr, 0
        self.mt, self.vt = np.zeros(diff_shape), np.zeros(diff_shape)

    def update(self, input, grad):
        self.step += 1
        self.mt *= 0.9
        self.mt += 0.1 * grad
        grad *= grad
        self.vt *= 0.999
        self.vt += 0.001 * grad
        rate = np.sqrt(self.vt / (1 - 0.999 ** self.step))
        rate += 1e-8
        input -= self.lr * self.mt / (1 - 0.9 ** self.step) / rate
        return input
