"""Networks built on the engine: forward, backward, and a summary of where the time goes."""

from .vgg import VGG, VGG16_PLAN, VGG19_PLAN, vgg16, vgg19

__all__ = ["VGG", "VGG16_PLAN", "VGG19_PLAN", "vgg16", "vgg19"]
