# -*- coding: utf-8 -*-
from __future__ import print_function

import scipy.io
import scipy.misc
import time

import numpy as np
import pycnml


class VGG19(object):
    def __init__(self):
        self.net = pycnml.CnmlNet()
        self.input_quant_params = []
        self.filter_quant_params = []

    def build_model(self, param_path='imagenet-vgg-verydeep-19.mat', quant_param_path='vgg19_quant_param_new.npz'):
        self.param_path = param_path
        params = np.load(quant_param_path)
        input_params = params['input']
        filter_params = params['filter']
        for i in xrange(len(input_params) // 2):
            self.input_quant_params.append(pycnml.QuantParam(int(input_params[2 * i]), float(input_params[2 * i + 1])))
            self.filter_quant_params.append(
                pycnml.QuantParam(int(filter_params[2 * i]), float(filter_params[2 * i + 1])))
        self.net.setInputShape(1, 3, 224, 224)
        pairs = iter(self.input_quant_params)
        for stage, widths in enumerate([[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4]):
            for n, width in enumerate(widths):
                self.net.createConvLayer('conv%d_%d' % (stage + 1, n + 1), width, 3, 1, 1, 1, next(pairs))
                self.net.createReLuLayer('relu%d_%d' % (stage + 1, n + 1))
            self.net.createPoolingLayer('pool%d' % (stage + 1), 2, 2)
        self.net.createFlattenLayer('flatten', [1, 512 * 7 * 7, 1, 1])
        self.net.createMlpLayer('fc6', 4096, next(pairs))
        self.net.createReLuLayer('relu6')
        self.net.createMlpLayer('fc7', 4096, next(pairs))
        self.net.createReLuLayer('relu7')
        self.net.createMlpLayer('fc8', 1000, next(pairs))
        self.net.createSoftmaxLayer('Softmax', 1)

    def load_model(self):
        print('Loading parameters from file ' + self.param_path)
        params = scipy.io.loadmat(self.param_path)
        self.image_mean = np.mean(params['normalization'][0][0][0], axis=(0, 1))
        count = 0
        for idx in xrange(self.net.size()):
            name = self.net.getLayerName(idx)
            if 'conv' in name or 'fc' in name:
                weight, bias = params['layers'][0][idx if 'conv' in name else idx - 1][0][0][0][0]
                if 'conv' in name:
                    weight = np.transpose(weight, [3, 2, 0, 1])
                else:
                    weight = np.transpose(weight.reshape([-1, weight.shape[3]]), [1, 0])
                self.net.loadParams(idx, weight.flatten().astype(np.float), bias.reshape(-1).astype(np.float),
                                    self.filter_quant_params[count])
                count += 1

    def load_image(self, image_dir):
        self.image = image_dir
        print('Loading and preprocessing image from ' + image_dir)
        input_image = scipy.misc.imread(image_dir)
        input_image = scipy.misc.imresize(input_image, [224, 224, 3])
        input_image = np.array(input_image).astype(np.float32)
        input_image -= self.image_mean
        input_image = np.reshape(input_image, [1] + list(input_image.shape))
        input_image = np.transpose(input_image, [0, 3, 1, 2])
        input_data = input_image.flatten().astype(np.float)
        self.net.setInputData(input_data)

    def forward(self):
        return self.net.forward()

    def get_top5(self, label):
        t0 = time.time()
        self.forward()
        print('inference time: %f' % (time.time() - t0))
        out = self.net.getOutputData()
        best = sorted(out)[::-1][0:5]
        print('------ Top 5 of ' + self.image + ' ------')
        is_first, is_among = False, False
        for k in range(5):
            c = out.index(best[k])
            if c == label:
                is_among = True
                if k == 0:
                    is_first = True
            print('%f - %s' % (best[k], self.labels[c].strip()))
        return is_first, is_among

    def evaluate(self, file_list):
        self.labels = open('synset_words.txt').readlines()
        t0 = time.time()
        hits = [0, 0]
        rows = open(file_list).readlines()
        for row in rows:
            path, label = row.split()
            vgg.load_image(path)
            answer = vgg.get_top5(int(label))
            for k in range(2):
                if answer[k]:
                    hits[k] = hits[k] + 1
        print('Global accuracy : ')
        print('accuracy1: %f (%d/%d) ' % (float(hits[0]) / len(rows), hits[0], len(rows)))
        print('accuracy5: %f (%d/%d) ' % (float(hits[1]) / len(rows), hits[1], len(rows)))
        print('Total execution time: %f' % (time.time() - t0))


if __name__ == '__main__':
    vgg = VGG19()
    vgg.build_model()
    vgg.load_model()
    vgg.evaluate('file_list')
