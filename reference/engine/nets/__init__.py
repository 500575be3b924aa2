"""Networks built on the engine: forward, backward, and a summary of where the time goes."""

from .baseline import Baseline
from .inception import InceptionBlock
from .lenet import LeNet
from .quantized import QuantizedLayer, QuantizedNetwork
from .resnet import ResNet18
from .style import StyleTransfer
from .vgg import VGG, VGG16_PLAN, VGG19_PLAN, vgg16, vgg19

__all__ = [
    "VGG",
    "VGG16_PLAN",
    "VGG19_PLAN",
    "Baseline",
    "InceptionBlock",
    "LeNet",
    "QuantizedLayer",
    "QuantizedNetwork",
    "ResNet18",
    "StyleTransfer",
    "vgg16",
    "vgg19",
]
