# -*- coding: utf-8 -*-
import scipy.io
import scipy.misc
import time

import numpy as np
import pycnml


class VGG19(object):
    def __init__(self):
        self.net = pycnml.CnmlNet(16)
        self.input_quant_params = []
        self.filter_quant_params = []

    def build_model(self, param_path='imagenet-vgg-verydeep-19.mat', quant_param_path='vgg19_quant_param_new.npz'):
        self.param_path = param_path
        params = np.load(quant_param_path)
        input_params = params['input']
        filter_params = params['filter']
        for i in range(0, len(input_params), 2):
            self.input_quant_params.append(pycnml.QuantParam(int(input_params[i]), float(input_params[i+1])))
        for i in range(0, len(filter_params), 2):
            self.filter_quant_params.append(pycnml.QuantParam(int(filter_params[i]), float(filter_params[i+1])))

        self.net.setInputShape(1, 3, 224, 224)
        # conv1
        self.net.createConvLayer('conv1_1', 64, 3, 1, 1, 1, self.input_quant_params[0])
        self.net.createReLuLayer('relu1_1')
        self.net.createConvLayer('conv1_2', 64, 3, 1, 1, 1, self.input_quant_params[1])
        self.net.createReLuLayer('relu1_2')
        self.net.createPoolingLayer('pool1', 2, 2)
        # conv2
        self.net.createConvLayer('conv2_1', 128, 3, 1, 1, 1, self.input_quant_params[2])
        self.net.createReLuLayer('relu2_1')
        self.net.createConvLayer('conv2_2', 128, 3, 1, 1, 1, self.input_quant_params[3])
        self.net.createReLuLayer('relu2_2')
        self.net.createPoolingLayer('pool2', 2, 2)
        # conv3
        self.net.createConvLayer('conv3_1', 256, 3, 1, 1, 1, self.input_quant_params[4])
        self.net.createReLuLayer('relu3_1')
        self.net.createConvLayer('conv3_2', 256, 3, 1, 1, 1, self.input_quant_params[5])
        self.net.createReLuLayer('relu3_2')
        self.net.createConvLayer('conv3_3', 256, 3, 1, 1, 1, self.input_quant_params[6])
        self.net.createReLuLayer('relu3_3')
        self.net.createConvLayer('conv3_4', 256, 3, 1, 1, 1, self.input_quant_params[7])
        self.net.createReLuLayer('relu3_4')
        self.net.createPoolingLayer('pool3', 2, 2)
        # conv4
        self.net.createConvLayer('conv4_1', 512, 3, 1, 1, 1, self.input_quant_params[8])
        self.net.createReLuLayer('relu4_1')
        self.net.createConvLayer('conv4_2', 512, 3, 1, 1, 1, self.input_quant_params[9])
        self.net.createReLuLayer('relu4_2')
        self.net.createConvLayer('conv4_3', 512, 3, 1, 1, 1, self.input_quant_params[10])
        self.net.createReLuLayer('relu4_3')
        self.net.createConvLayer('conv4_4', 512, 3, 1, 1, 1, self.input_quant_params[11])
        self.net.createReLuLayer('relu4_4')
        self.net.createPoolingLayer('pool4', 2, 2)
        # conv5
        self.net.createConvLayer('conv5_1', 512, 3, 1, 1, 1, self.input_quant_params[12])
        self.net.createReLuLayer('relu5_1')
        self.net.createConvLayer('conv5_2', 512, 3, 1, 1, 1, self.input_quant_params[13])
        self.net.createReLuLayer('relu5_2')
        self.net.createConvLayer('conv5_3', 512, 3, 1, 1, 1, self.input_quant_params[14])
        self.net.createReLuLayer('relu5_3')
        self.net.createConvLayer('conv5_4', 512, 3, 1, 1, 1, self.input_quant_params[15])
        self.net.createReLuLayer('relu5_4')
        self.net.createPoolingLayer('pool5', 2, 2)
        # fc
        self.net.createFlattenLayer('flatten', [1, 512 * 7 * 7, 1, 1])
        self.net.createMlpLayer('fc6', 4096, self.input_quant_params[16])
        self.net.createReLuLayer('relu6')
        self.net.createMlpLayer('fc7', 4096, self.input_quant_params[17])
        self.net.createReLuLayer('relu7')
        self.net.createMlpLayer('fc8', 1000, self.input_quant_params[18])
        self.net.createSoftmaxLayer('Softmax', 1)

    def load_model(self):
        print('Loading parameters from file ' + self.param_path)
        params = scipy.io.loadmat(self.param_path)
        self.image_mean = np.mean(params['normalization'][0][0][0], axis=(0, 1))
        count = 0
        for idx in range(self.net.size()):
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
        image_mean = np.array([123.68, 116.779, 103.939])
        input_image = scipy.misc.imread(image_dir)
        input_image = scipy.misc.imresize(input_image, [224, 224, 3])
        input_image = np.array(input_image).astype(np.float32)
        input_image -= image_mean
        input_image = np.reshape(input_image, [1] + list(input_image.shape))
        input_image = np.transpose(input_image, [0, 3, 1, 2])
        self.input_data = input_image.flatten().astype(np.float)
        self.net.setInputData(self.input_data)

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
