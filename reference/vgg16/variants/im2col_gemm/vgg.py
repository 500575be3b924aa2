from collections import OrderedDict

import layer as L

STAGES = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


class VGG16:
    def __init__(self, num_classes=4):
        self.graph_layers = OrderedDict()
        self.create_graph(num_classes)
        for name, block in self.graph_layers.items():
            setattr(self, name, block)

    def create_graph(self, num_classes):
        add = self.graph_layers.__setitem__
        channels = 3
        for s, (width, depth) in enumerate(STAGES, 1):
            for d in range(1, depth + 1):
                add('layer%d_conv%d' % (s, d), L.ConvolutionLayer(channels, width, 3, 1))
                add('layer%d_relu%d' % (s, d), L.ReluLayer())
                channels = width
            add('layer%d_maxpool' % s, L.MaxPoolLayer(2, 2))
        add('flatten', L.FlattenLayer())
        add('fullyconnect1', L.FullyConnectLayer(7 * 7 * 512, 4096))
        add('relu1', L.ReluLayer())
        add('fullyconnect2', L.FullyConnectLayer(4096, 4096))
        add('relu2', L.ReluLayer())
        add('fullyconnect3', L.FullyConnectLayer(4096, num_classes))

    def forward(self, x):
        for block in self.graph_layers.values():
            x = block.forward(x)
        return x

    def backward(self, grad):
        for block in list(self.graph_layers.values())[::-1]:
            grad = block.backward(grad)
        return grad

    def resume_weights(self, ckpt):
        for name in self.graph_layers:
            if name in ckpt:
                self.graph_layers[name].load_params(ckpt[name]['weight'], ckpt[name]['bias'])
