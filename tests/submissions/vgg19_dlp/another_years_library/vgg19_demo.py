import numpy as np
import pycnnl


class VGG19(object):
    def __init__(self):
        self.net = pycnnl.CnnlNet()

    def build_model(self, param_path='imagenet-vgg-verydeep-19.mat'):
        self.param_path = param_path
        self.net.setInputShape(1, 3, 224, 224)
