"""VGG19 on a device that computes with 8-bit integers: built, loaded and run through the library `pycnml`."""

import time

import cv2
import numpy as np
import pycnml
import scipy.io

MODEL = "imagenet-vgg-verydeep-19.mat"
QUANTIZATION = "vgg19_quant_param_new.npz"


class VGG19:
    """VGG19 for pictures of 224 x 224 pixels.

    Attributes
    ----------
    net : pycnml.CnmlNet
        The network on the device.
    input_quant_params, filter_quant_params : list of pycnml.QuantParam
        How the inputs and the weights of the 19 layers with parameters become bytes, in the order of the layers.
    """

    def __init__(self):
        self.net = pycnml.CnmlNet(16)
        self.input_quant_params = []
        self.filter_quant_params = []
        # Whether the parameters are no trained ones, until a file is read.
        self.synthetic = True

    def build_model(self, param_path=MODEL, quant_param_path=QUANTIZATION):
        """Read the quantisation parameters and create the 44 layers: section 4 of the README has the table."""
        self.param_path = param_path
        params = np.load(quant_param_path)
        input_params = params["input"]
        filter_params = params["filter"]
        for i in range(0, len(input_params), 2):
            self.input_quant_params.append(pycnml.QuantParam(int(input_params[i]), float(input_params[i + 1])))
        for i in range(0, len(filter_params), 2):
            self.filter_quant_params.append(pycnml.QuantParam(int(filter_params[i]), float(filter_params[i + 1])))

        quants = self.input_quant_params
        self.net.setInputShape(1, 3, 224, 224)
        # name, out_channel, kernel_size, stride, dilation, pad, quant_param
        self.net.createConvLayer("conv1_1", 64, 3, 1, 1, 1, quants[0])
        self.net.createReLuLayer("relu1_1")
        self.net.createConvLayer("conv1_2", 64, 3, 1, 1, 1, quants[1])
        self.net.createReLuLayer("relu1_2")
        # TODO(network_layers): create the layers from pool1 to pool5 of the table
        raise NotImplementedError("TODO network_layers: create the layers from pool1 to pool5 of the table")
        self.net.createFlattenLayer("flatten", [1, 512 * 7 * 7, 1, 1])
        # TODO(fully_connected_layers): create fc6, relu6, fc7 and relu7
        raise NotImplementedError("TODO fully_connected_layers: create fc6, relu6, fc7 and relu7")
        self.net.createMlpLayer("fc8", 1000, quants[18])
        self.net.createSoftmaxLayer("softmax", 1)

    def load_model(self):
        """Load the parameters of all layers from the file: section 5 of the README."""
        print("Loading parameters from file " + self.param_path)
        params = scipy.io.loadmat(self.param_path)
        # The lab's own file has a variable of this name, a trained one does not.
        self.synthetic = "synthetic" in params
        self.image_mean = params["normalization"][0][0][0]
        self.image_mean = np.mean(self.image_mean, axis=(0, 1))
        count = 0
        for idx in range(self.net.size()):
            if "conv" in self.net.getLayerName(idx):
                weight, bias = params["layers"][0, idx][0][0][0][0]
                # TODO(conv_weight): put weight, (rows, columns, in, out), in the device's order, flat
                raise NotImplementedError("TODO conv_weight: put weight, (rows, columns, in, out), in the device's order, flat")
                bias = bias.reshape(-1).astype(np.float64)
                self.net.loadParams(idx, weight, bias, self.filter_quant_params[count])
                count += 1
            if "fc" in self.net.getLayerName(idx):
                # Only the device has a layer `flatten`: in the file, fc6 and what follows stand one place earlier.
                weight, bias = params["layers"][0, idx - 1][0][0][0][0]
                # TODO(fc_weight): put weight, (rows, columns, in, out), in the device's order, flat
                raise NotImplementedError("TODO fc_weight: put weight, (rows, columns, in, out), in the device's order, flat")
                bias = bias.reshape(-1).astype(np.float64)
                self.net.loadParams(idx, weight, bias, self.filter_quant_params[count])
                count += 1

    def load_image(self, image_dir):
        """Read a picture and hand it to the device: section 6 of the README."""
        self.image = image_dir
        image_mean = np.array([123.68, 116.779, 103.939])
        print("Loading and preprocessing image from " + image_dir)
        input_image = cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        input_image = cv2.resize(input_image, (224, 224), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        input_image -= image_mean
        input_image = np.reshape(input_image, [1, *input_image.shape])
        # TODO(picture_input): set self.input_data: input_image in the device's order, flat
        raise NotImplementedError("TODO picture_input: set self.input_data: input_image in the device's order, flat")
        self.net.setInputData(self.input_data)

    def forward(self):
        """Run the network; `self.net.getOutputData` has the result."""
        return self.net.forward()

    def get_top5(self, label):
        """Classify the picture, print five classes and say whether `label` is the first or among them."""
        began = time.time()
        self.forward()
        print(f"inference time: {time.time() - began:f}")
        result = self.net.getOutputData()
        likeliest = sorted(result, reverse=True)[:5]
        # Equal probabilities all have the place of the first of them.
        places = [result.index(probability) for probability in likeliest]
        print(f"------ Top 5 of {self.image} ------")
        mark = " (synthetic weights)" if self.synthetic else ""
        for place, probability in zip(places, likeliest, strict=True):
            print(f"{probability:f} - {self.labels[place].strip()}{mark}")
        return places[0] == label, label in places

    def evaluate(self, file_list):
        """Classify the pictures of a list, lines `path label`, and print how many were right."""
        with open("synset_words.txt", encoding="utf-8") as names:
            self.labels = names.readlines()
        began = time.time()
        with open(file_list, encoding="utf-8") as listed:
            pictures = [line.split() for line in listed]
        top1_count = top5_count = 0
        for path, label in pictures:
            self.load_image(path)
            top1, top5 = self.get_top5(int(label))
            top1_count += top1
            top5_count += top5
        print("Global accuracy : ")
        for number, right in ((1, top1_count), (5, top5_count)):
            print(f"accuracy{number}: {right / len(pictures):f} ({right}/{len(pictures)}) ")
        print(f"Total execution time: {time.time() - began:f}")


if __name__ == "__main__":
    vgg = VGG19()
    vgg.build_model()
    vgg.load_model()
    vgg.evaluate("file_list")
