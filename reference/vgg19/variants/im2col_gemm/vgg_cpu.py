import cv2
import numpy as np
from scipy.io import loadmat

from layers_1 import FullyConnectedLayer, ReLULayer, SoftmaxLossLayer
from layers_2 import ConvolutionalLayer, FlattenLayer, MaxPoolingLayer

PLAN = [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 256, 'M', 512, 512, 512, 512, 'M', 512, 512, 512, 512, 'M']


class VGG19:
    def __init__(self, param_path='imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.plan = []
        stage, number, channels = 1, 1, 3
        for item in PLAN:
            if item == 'M':
                self.plan.append(('pool%d' % stage, lambda: MaxPoolingLayer(2, 2)))
                stage, number = stage + 1, 1
            else:
                self.plan.append(('conv%d_%d' % (stage, number), lambda i=channels, o=item: ConvolutionalLayer(3, i, o, 1, 1)))
                self.plan.append(('relu%d_%d' % (stage, number), ReLULayer))
                number, channels = number + 1, item
        self.plan += [
            ('flatten', lambda: FlattenLayer([512, 7, 7], [25088])),
            ('fc6', lambda: FullyConnectedLayer(25088, 4096)), ('relu6', ReLULayer),
            ('fc7', lambda: FullyConnectedLayer(4096, 4096)), ('relu7', ReLULayer),
            ('fc8', lambda: FullyConnectedLayer(4096, 1000)), ('Softmax', SoftmaxLossLayer),
        ]
        self.param_layer_name = [name for name, _ in self.plan]

    def build_model(self):
        self.layers = {name: make() for name, make in self.plan}

    def init_model(self):
        # everything is loaded from the file
        pass

    def load_model(self):
        stored = loadmat(self.param_path)
        self.image_mean = stored['normalization'][0, 0]['averageImage']
        by_name = {str(cell[0, 0]['name'][0]): cell[0, 0] for cell in stored['layers'][0]}
        for name, layer in self.layers.items():
            if hasattr(layer, 'load_param'):
                weight, bias = by_name[name]['weights'][0]
                if name.startswith('conv'):
                    layer.load_param(weight.transpose(2, 0, 1, 3), bias[0])
                else:
                    layer.load_param(weight.reshape(-1, weight.shape[-1]), bias)

    def load_image(self, image_dir):
        image = cv2.resize(cv2.imread(image_dir), (224, 224), interpolation=cv2.INTER_AREA)
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB) - self.image_mean
        self.input_image = image.transpose(2, 0, 1)[None].astype(np.float32)

    def forward(self):
        x = self.input_image
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def evaluate(self):
        prob = self.forward()
        print('id = %d' % prob[0].argmax())
