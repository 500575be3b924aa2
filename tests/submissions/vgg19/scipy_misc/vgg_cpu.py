# -*- coding: utf-8 -*-
import os
import numpy as np
import scipy.misc
import scipy.io

from stu_upload.layers_1 import FullyConnectedLayer, ReLULayer, SoftmaxLossLayer
from stu_upload.layers_2 import ConvolutionalLayer, MaxPoolingLayer, FlattenLayer

NAMES = []
for block, count in zip(range(1, 6), (2, 2, 4, 4, 4)):
    for i in range(1, count + 1):
        NAMES += ['conv{}_{}'.format(block, i), 'relu{}_{}'.format(block, i)]
    NAMES.append('pool{}'.format(block))
NAMES += ['flatten', 'fc6', 'relu6', 'fc7', 'relu7', 'fc8', 'softmax']


class VGG19(object):
    def __init__(self, param_path='imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.param_layer_name = tuple(NAMES)

    def build_model(self):
        self.layers = {}
        last = 3
        outs = {'1': 64, '2': 128, '3': 256, '4': 512, '5': 512}
        for name in self.param_layer_name:
            if name[:4] == 'conv':
                out = outs[name[4]]
                self.layers[name] = ConvolutionalLayer(3, last, out, 1, 1)
                last = out
            elif name[:4] == 'relu':
                self.layers[name] = ReLULayer()
            elif name[:4] == 'pool':
                self.layers[name] = MaxPoolingLayer(2, 2)
        self.layers['flatten'] = FlattenLayer([512, 7, 7], [512 * 7 * 7])
        self.layers['fc6'] = FullyConnectedLayer(512 * 7 * 7, 4096)
        self.layers['fc7'] = FullyConnectedLayer(4096, 4096)
        self.layers['fc8'] = FullyConnectedLayer(4096, 1000)
        self.layers['softmax'] = SoftmaxLossLayer()
        self.update_layer_list = [n for n in self.layers if 'conv' in n or 'fc' in n]

    def init_model(self):
        for layer_name in self.update_layer_list:
            self.layers[layer_name].init_param()

    def load_model(self):
        params = scipy.io.loadmat(self.param_path)
        self.image_mean = np.mean(params['normalization'][0][0][0], axis=(0, 1))
        shift = 0
        for idx, name in enumerate(self.param_layer_name):
            if name == 'flatten':
                shift = 1
            if 'conv' not in name and 'fc' not in name:
                continue
            weight, bias = params['layers'][0][idx - shift][0][0][0][0]
            if 'conv' in name:
                self.layers[name].load_param(np.transpose(weight, [2, 0, 1, 3]), bias.reshape(-1))
            else:
                self.layers[name].load_param(weight.reshape([-1, weight.shape[3]]), bias)

    def load_image(self, image_dir):
        self.input_image = scipy.misc.imread(image_dir)
        self.input_image = scipy.misc.imresize(self.input_image, [224, 224, 3])
        self.input_image = np.array(self.input_image).astype(np.float32)
        self.input_image -= self.image_mean
        self.input_image = np.reshape(self.input_image, [1] + list(self.input_image.shape))
        self.input_image = np.transpose(self.input_image, [0, 3, 1, 2])

    def forward(self):
        current = self.input_image
        for idx in range(len(self.param_layer_name)):
            current = self.layers[self.param_layer_name[idx]].forward(current)
        return current

    def evaluate(self):
        prob = self.forward()
        top1 = np.argmax(prob[0])
        print('Classification result: id = %d, prob = %f' % (top1, prob[0, top1]))
