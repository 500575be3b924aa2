"""VGG19, built from the layers in ``layers_1.py`` and ``layers_2.py``."""

import cv2
import numpy as np
import scipy.io
from layers_1 import FullyConnectedLayer, ReLULayer, SoftmaxLossLayer
from layers_2 import ConvolutionalLayer, FlattenLayer, MaxPoolingLayer


class VGG19:
    """VGG19 for pictures of 224 x 224 pixels: 16 convolutions, 5 poolings, 3 fully connected layers.

    Parameters
    ----------
    param_path : str
        Place of the file with the parameters, ``imagenet-vgg-verydeep-19.mat``.

    Attributes
    ----------
    param_layer_name : tuple
        Names of the 44 layers in the order in which ``forward`` runs them.
    layers : dict
        The layers by name. Section 3 of the README has the table.
    """

    def __init__(self, param_path="imagenet-vgg-verydeep-19.mat"):
        self.param_path = param_path
        # Whether the parameters are random numbers: until those of a trained network are loaded.
        self.synthetic = True
        self.param_layer_name = (
            'conv1_1', 'relu1_1', 'conv1_2', 'relu1_2', 'pool1',
            'conv2_1', 'relu2_1', 'conv2_2', 'relu2_2', 'pool2',
            'conv3_1', 'relu3_1', 'conv3_2', 'relu3_2', 'conv3_3', 'relu3_3', 'conv3_4', 'relu3_4', 'pool3',
            'conv4_1', 'relu4_1', 'conv4_2', 'relu4_2', 'conv4_3', 'relu4_3', 'conv4_4', 'relu4_4', 'pool4',
            'conv5_1', 'relu5_1', 'conv5_2', 'relu5_2', 'conv5_3', 'relu5_3', 'conv5_4', 'relu5_4', 'pool5',
            'flatten', 'fc6', 'relu6', 'fc7', 'relu7', 'fc8', 'Softmax',
        )  # fmt: skip

    def build_model(self):
        """Make one object for every name in ``param_layer_name``, with the sizes of the table."""
        self.layers = {}
        ### BEGIN SOLUTION network_layers: make the 44 layers, self.layers[name] = ..., with the sizes of the table
        channels = 3
        stages = ((1, 64, 2), (2, 128, 2), (3, 256, 4), (4, 512, 4), (5, 512, 4))
        for stage, width, convolutions in stages:
            for number in range(1, convolutions + 1):
                self.layers[f"conv{stage}_{number}"] = ConvolutionalLayer(3, channels, width, 1, 1)
                self.layers[f"relu{stage}_{number}"] = ReLULayer()
                channels = width
            self.layers[f"pool{stage}"] = MaxPoolingLayer(2, 2)
        self.layers["flatten"] = FlattenLayer([512, 7, 7], [512 * 7 * 7])
        self.layers["fc6"] = FullyConnectedLayer(512 * 7 * 7, 4096)
        self.layers["relu6"] = ReLULayer()
        self.layers["fc7"] = FullyConnectedLayer(4096, 4096)
        self.layers["relu7"] = ReLULayer()
        self.layers["fc8"] = FullyConnectedLayer(4096, 1000)
        self.layers["Softmax"] = SoftmaxLossLayer()
        ### END SOLUTION
        self.update_layer_list = [name for name in self.layers if "conv" in name or "fc" in name]

    def init_model(self):
        """Give every layer with parameters random ones."""
        for layer_name in self.update_layer_list:
            self.layers[layer_name].init_param()

    def load_model(self):
        """Load the parameters of all layers and the average picture from the file: section 4 of the README."""
        params = scipy.io.loadmat(self.param_path)
        # The lab's own file has a variable of this name, a trained one does not.
        self.synthetic = "synthetic" in params
        image_mean = params["normalization"][0][0][0]
        # The average over all pixels: one number each for red, green and blue.
        self.image_mean = np.mean(image_mean, axis=(0, 1))
        for idx, layer_name in enumerate(self.param_layer_name):
            ### BEGIN SOLUTION network_load: call load_param of the layers with parameters, in their layout
            if "conv" in layer_name:
                weight, bias = params["layers"][0][idx][0][0][0][0]
                # The file has (rows, columns, C_in, C_out).
                weight = np.transpose(weight, [2, 0, 1, 3])
                self.layers[layer_name].load_param(weight, bias.reshape(-1))
            if "fc" in layer_name:
                # The file has no layer `flatten`, so everything behind it stands one place earlier.
                weight, bias = params["layers"][0][idx - 1][0][0][0][0]
                weight = weight.reshape([weight.shape[0] * weight.shape[1] * weight.shape[2], weight.shape[3]])
                self.layers[layer_name].load_param(weight, bias)
            ### END SOLUTION

    def load_image(self, image_dir):
        """Read a picture and keep it in ``input_image`` as the network takes it, (1, 3, 224, 224)."""
        print("Loading and preprocessing image from " + image_dir)
        image = cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        image = cv2.resize(image, (224, 224), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        ### BEGIN SOLUTION picture_input: set self.input_image; image is (224, 224, 3), red first
        image = image - self.image_mean
        self.input_image = np.transpose(image[np.newaxis], [0, 3, 1, 2])
        ### END SOLUTION

    def forward(self):
        """Run ``input_image`` through all layers and return the probabilities, (1, 1000)."""
        current = self.input_image
        ### BEGIN SOLUTION network_forward: set current to the output of one layer after another
        for layer_name in self.param_layer_name:
            current = self.layers[layer_name].forward(current)
        ### END SOLUTION
        return current

    def evaluate(self):
        """Classify ``input_image`` and print the class."""
        prob = self.forward()
        top1 = np.argmax(prob[0])
        mark = " (synthetic weights)" if self.synthetic else ""
        print(f"Classification result: id = {top1}, prob = {prob[0, top1]:f}{mark}")


if __name__ == "__main__":
    vgg = VGG19()
    vgg.build_model()
    vgg.init_model()
    vgg.load_model()
    vgg.load_image("pictures/chelsea.png")
    vgg.evaluate()
