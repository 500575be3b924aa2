"""Style transfer: VGG19 as far as pool5, the optimiser, and the whole experiment."""

import cv2
import numpy as np
import scipy.io
from layers_1 import ReLULayer
from layers_2 import ConvolutionalLayer, MaxPoolingLayer
from layers_3 import ContentLossLayer, StyleLossLayer

# 0 for the plain loops, 1 for the faster versions.
TYPE_CONV = 1
TYPE_POOL = 1

CONTENT_LOSS_LAYERS = ["relu4_2"]
STYLE_LOSS_LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
IMAGE_HEIGHT, IMAGE_WIDTH = 192, 320
NOISE = 0.5
ALPHA, BETA = 1, 500
TRAIN_STEP = 2001
LEARNING_RATE = 1.0


class VGG19:
    """VGG19 as far as pool5: 16 convolutions and 5 poolings, for pictures of any size.

    Attributes
    ----------
    param_layer_name : tuple
        Names of the 37 layers in the order in which ``forward`` runs them.
    layers : dict
        The layers by name.
    """

    def __init__(self, param_path="imagenet-vgg-verydeep-19.mat"):
        self.param_path = param_path
        self.param_layer_name = (
            'conv1_1', 'relu1_1', 'conv1_2', 'relu1_2', 'pool1',
            'conv2_1', 'relu2_1', 'conv2_2', 'relu2_2', 'pool2',
            'conv3_1', 'relu3_1', 'conv3_2', 'relu3_2', 'conv3_3', 'relu3_3', 'conv3_4', 'relu3_4', 'pool3',
            'conv4_1', 'relu4_1', 'conv4_2', 'relu4_2', 'conv4_3', 'relu4_3', 'conv4_4', 'relu4_4', 'pool4',
            'conv5_1', 'relu5_1', 'conv5_2', 'relu5_2', 'conv5_3', 'relu5_3', 'conv5_4', 'relu5_4', 'pool5',
        )  # fmt: skip

    def build_model(self):
        """Make one object for every name in ``param_layer_name``, as in the lab vgg19."""
        self.layers = {}
        ### BEGIN SOLUTION network_layers: make the 37 layers, self.layers[name] = ..., with the sizes of the table
        channels = 3
        stages = ((1, 64, 2), (2, 128, 2), (3, 256, 4), (4, 512, 4), (5, 512, 4))
        for stage, width, convolutions in stages:
            for number in range(1, convolutions + 1):
                name = f"conv{stage}_{number}"
                self.layers[name] = ConvolutionalLayer(3, channels, width, 1, 1, TYPE_CONV)
                self.layers[f"relu{stage}_{number}"] = ReLULayer()
                channels = width
            self.layers[f"pool{stage}"] = MaxPoolingLayer(2, 2, TYPE_POOL)
        ### END SOLUTION
        self.update_layer_list = [name for name in self.layers if "conv" in name]

    def init_model(self):
        """Give every layer with parameters random ones."""
        for layer_name in self.update_layer_list:
            self.layers[layer_name].init_param()

    def load_model(self):
        """Load the parameters of the convolutions and the average picture from the file."""
        params = scipy.io.loadmat(self.param_path)
        self.image_mean = np.mean(params["normalization"][0][0][0], axis=(0, 1))
        for idx, layer_name in enumerate(self.param_layer_name):
            ### BEGIN SOLUTION network_load: call load_param of the convolutions, as in the lab vgg19
            if "conv" in layer_name:
                weight, bias = params["layers"][0][idx][0][0][0][0]
                self.layers[layer_name].load_param(np.transpose(weight, [2, 0, 1, 3]), bias.reshape(-1))
            ### END SOLUTION

    def load_image(self, image_dir, image_height, image_width):
        """Return a picture as the network takes it, (1, 3, image_height, image_width), and the shape it had."""
        image = cv2.cvtColor(cv2.imread(image_dir, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        image_shape = image.shape
        image = cv2.resize(image, (image_width, image_height), interpolation=cv2.INTER_LINEAR)
        image = image.astype(np.float32) - self.image_mean
        return np.transpose(image[np.newaxis], [0, 3, 1, 2]), image_shape

    def save_image(self, input_image, image_shape, image_dir):
        """Write a picture, in the network's form, to a file of the given shape: the reverse of ``load_image``."""
        image = np.transpose(input_image, [0, 2, 3, 1])[0] + self.image_mean
        image = np.clip(image, 0, 255).astype(np.uint8)
        image = cv2.resize(image, (image_shape[1], image_shape[0]), interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(image_dir, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def forward(self, input_image, layer_list):
        """Run a picture through the network and return the outputs of the layers in ``layer_list``, by name."""
        current = input_image
        layer_forward = {}
        for layer_name in tuple(self.param_layer_name):
            ### BEGIN SOLUTION network_forward: set current to the output of one layer after another
            current = self.layers[layer_name].forward(current)
            ### END SOLUTION
            if layer_name in layer_list:
                layer_forward[layer_name] = current
        return layer_forward

    def backward(self, dloss, layer_name):
        """Return the gradient of the picture for a gradient of the output of ``layer_name``, after ``forward``."""
        layer_idx = self.param_layer_name.index(layer_name)
        for idx in range(layer_idx, -1, -1):
            ### BEGIN SOLUTION network_backward: set dloss to the gradient of one layer's input after another
            dloss = self.layers[self.param_layer_name[idx]].backward(dloss)
            ### END SOLUTION
        return dloss


def get_random_img(content_image, noise):
    """Return the picture to start from: the content picture mixed with uniform noise between -20 and 20."""
    noise_image = np.random.uniform(-20, 20, content_image.shape)
    return noise_image * noise + content_image * (1 - noise)


class AdamOptimizer:
    """Adam [Kingma and Ba, ICLR 2015, algorithm 1], for a picture: formula (12)."""

    def __init__(self, lr, diff_shape):
        self.beta1 = 0.9
        self.beta2 = 0.999
        self.eps = 1e-8
        self.lr = lr
        self.mt = np.zeros(diff_shape)
        self.vt = np.zeros(diff_shape)
        self.step = 0

    def update(self, input, grad):
        """Return the new picture for a picture and the gradient of the loss."""
        ### BEGIN SOLUTION adam_update: count self.step, update self.mt and self.vt, set self.output by formula (12)
        self.step += 1
        self.mt = self.beta1 * self.mt + (1 - self.beta1) * grad
        self.vt = self.beta2 * self.vt + (1 - self.beta2) * np.square(grad)
        mt_hat = self.mt / (1 - self.beta1**self.step)
        vt_hat = self.vt / (1 - self.beta2**self.step)
        self.output = input - self.lr * mt_hat / (np.sqrt(vt_hat) + self.eps)
        ### END SOLUTION
        return self.output


def main():
    """Run the whole experiment."""
    vgg = VGG19()
    vgg.build_model()
    vgg.init_model()
    vgg.load_model()
    content_loss_layer, style_loss_layer = ContentLossLayer(), StyleLossLayer()
    content_image, content_shape = vgg.load_image("pictures/china.jpg", IMAGE_HEIGHT, IMAGE_WIDTH)
    style_image, _ = vgg.load_image("pictures/starry_night.jpg", IMAGE_HEIGHT, IMAGE_WIDTH)
    content_layers = vgg.forward(content_image, CONTENT_LOSS_LAYERS)
    style_layers = vgg.forward(style_image, STYLE_LOSS_LAYERS)
    transfer_image = get_random_img(content_image, NOISE)
    adam_optimizer = AdamOptimizer(LEARNING_RATE, transfer_image.shape)
    for step in range(TRAIN_STEP):
        transfer_layers = vgg.forward(transfer_image, CONTENT_LOSS_LAYERS + STYLE_LOSS_LAYERS)
        content_loss, style_loss = 0.0, 0.0
        image_diff = np.zeros(transfer_image.shape)
        for layer in CONTENT_LOSS_LAYERS:
            content_loss += content_loss_layer.forward(transfer_layers[layer], content_layers[layer])
            dloss = content_loss_layer.backward(transfer_layers[layer], content_layers[layer])
            image_diff += ALPHA * vgg.backward(dloss, layer) / len(CONTENT_LOSS_LAYERS)
        for layer in STYLE_LOSS_LAYERS:
            style_loss += style_loss_layer.forward(transfer_layers[layer], style_layers[layer])
            dloss = style_loss_layer.backward(transfer_layers[layer], style_layers[layer])
            image_diff += BETA * vgg.backward(dloss, layer) / len(STYLE_LOSS_LAYERS)
        transfer_image = adam_optimizer.update(transfer_image, image_diff)
        if step % 20 == 0:
            print(f"step {step}: content loss {content_loss:.4f}, style loss {style_loss:.6f}")
            vgg.save_image(transfer_image, content_shape, f"output_{step}.jpg")


if __name__ == "__main__":
    main()
