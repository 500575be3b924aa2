"""A network whose sizes all differ: in it, an argument in another's place shows. An exercise without points."""


def build(net, quants):
    """Create the eight layers of section 9 of the README on a fresh `pycnml.CnmlNet`, with three `quants`."""
    ### BEGIN SOLUTION second_network: create the eight layers of the table
    net.setInputShape(1, 3, 40, 52)
    net.createConvLayer("conv1", 8, 5, 2, 1, 3, quants[0])
    net.createReLuLayer("relu1")
    net.createPoolingLayer("pool1", 3, 2)
    net.createConvLayer("conv2", 12, 4, 1, 1, 2, quants[1])
    net.createReLuLayer("relu2")
    net.createFlattenLayer("flatten", [1, 12 * 11 * 14, 1, 1])
    net.createMlpLayer("fc3", 10, quants[2])
    net.createSoftmaxLayer("softmax", axis=1)
    ### END SOLUTION
