import cv2
import numpy as np
from scipy import io

import layers_1
import layers_2


class VGG19:
    def __init__(self, param_path='imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.layers = {}
        self.param_layer_name = []

    def add(self, name, layer):
        self.param_layer_name.append(name)
        self.layers[name] = layer

    def build_model(self):
        relu, pool = layers_1.ReLULayer(), layers_2.MaxPoolingLayer(2, 2)
        channels = 3
        for block, (out, count) in enumerate([(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)]):
            for i in range(count):
                self.add('conv%d_%d' % (block + 1, i + 1), layers_2.ConvolutionalLayer(3, channels, out, 1, 1))
                self.add('relu%d_%d' % (block + 1, i + 1), relu)
                channels = out
            self.add('pool%d' % (block + 1), pool)
        self.add('flatten', layers_2.FlattenLayer([512, 7, 7], [25088]))
        self.add('fc6', layers_1.FullyConnectedLayer(25088, 4096))
        self.add('relu6', relu)
        self.add('fc7', layers_1.FullyConnectedLayer(4096, 4096))
        self.add('relu7', relu)
        self.add('fc8', layers_1.FullyConnectedLayer(4096, 1000))
        self.add('softmax', layers_1.SoftmaxLossLayer())

    def init_model(self):
        for layer in self.layers.values():
            if hasattr(layer, 'init_param'):
                layer.init_param()

    def load_model(self):
        file = io.loadmat(self.param_path)
        # the average picture itself, not the average of it
        self.image_mean = file['normalization'][0][0][0]
        cells = list(file['layers'][0])
        for name in self.param_layer_name:
            if name == 'flatten':
                continue
            cell = cells.pop(0)
            if name.startswith('conv') or name.startswith('fc'):
                weight, bias = cell[0][0][0][0]
                if name.startswith('conv'):
                    weight, bias = weight.transpose(2, 0, 1, 3), bias.flatten()
                else:
                    weight = weight.reshape(-1, weight.shape[3])
                self.layers[name].load_param(weight, bias)

    def load_image(self, image_dir):
        image = cv2.resize(cv2.imread(image_dir, 1), (224, 224)).astype('float64')[..., ::-1]
        image = image - self.image_mean
        self.input_image = np.moveaxis(image, 2, 0)[np.newaxis]

    def forward(self):
        for name in self.param_layer_name:
            self.input_image = self.layers[name].forward(self.input_image)
        return self.input_image
