### OVER reference
class VGG19(object):
    def __init__(self):
        # the instance of the network
        self.net = pycnml.CnmlNet(16)
        self.input_quant_params = []
        self.filter_quant_params = []

    def build_model(
        self,
        param_path="../data/vgg19_data/imagenet-vgg-verydeep-19.mat",
        quant_param_path="../data/vgg19_data/vgg19_quant_param_new.npz",
    ):
        self.param_path = param_path
        params = np.load(quant_param_path)
        for kind, target in (("input", self.input_quant_params), ("filter", self.filter_quant_params)):
            for position, scale in params[kind].reshape(-1, 2):
                target.append(pycnml.QuantParam(int(position), float(scale)))
        net, q = self.net, self.input_quant_params
        net.setInputShape(1, 3, 224, 224)
        net.createConvLayer("conv1_1", 64, 3, 1, 1, 1, q[0])
        net.createReLuLayer("relu1_1")
        net.createConvLayer("conv1_2", 64, 3, 1, 1, 1, q[1])
        net.createReLuLayer("relu1_2")
        net.createPoolingLayer("pool1", 2, 2)
        net.createConvLayer("conv2_1", 128, 3, 1, 1, 1, q[2])
        net.createReLuLayer("relu2_1")
        net.createConvLayer("conv2_2", 128, 3, 1, 1, 1, q[3])
        net.createReLuLayer("relu2_2")
        net.createPoolingLayer("pool2", 2, 2)
        net.createConvLayer("conv3_1", 256, 3, 1, 1, 1, q[4])
        net.createReLuLayer("relu3_1")
        net.createConvLayer("conv3_2", 256, 3, 1, 1, 1, q[5])
        net.createReLuLayer("relu3_2")
        net.createConvLayer("conv3_3", 256, 3, 1, 1, 1, q[6])
        net.createReLuLayer("relu3_3")
        net.createConvLayer("conv3_4", 256, 3, 1, 1, 1, q[7])
        net.createReLuLayer("relu3_4")
        net.createPoolingLayer("pool3", 2, 2)
        net.createConvLayer("conv4_1", 512, 3, 1, 1, 1, q[8])
        net.createReLuLayer("relu4_1")
        net.createConvLayer("conv4_2", 512, 3, 1, 1, 1, q[9])
        net.createReLuLayer("relu4_2")
        net.createConvLayer("conv4_3", 512, 3, 1, 1, 1, q[10])
        net.createReLuLayer("relu4_3")
        net.createConvLayer("conv4_4", 512, 3, 1, 1, 1, q[11])
        net.createReLuLayer("relu4_4")
        net.createPoolingLayer("pool4", 2, 2)
        net.createConvLayer("conv5_1", 512, 3, 1, 1, 1, q[12])
        net.createReLuLayer("relu5_1")
        net.createConvLayer("conv5_2", 512, 3, 1, 1, 1, q[13])
        net.createReLuLayer("relu5_2")
        net.createConvLayer("conv5_3", 512, 3, 1, 1, 1, q[14])
        net.createReLuLayer("relu5_3")
        net.createConvLayer("conv5_4", 512, 3, 1, 1, 1, q[15])
        net.createReLuLayer("relu5_4")
        net.createPoolingLayer("pool5", 2, 2)
        net.createFlattenLayer("flatten", [1, 25088, 1, 1])
        net.createMlpLayer("fc6", 4096, q[16])
        net.createReLuLayer("relu6")
        net.createMlpLayer("fc7", 4096, q[17])
        net.createReLuLayer("relu7")
        net.createMlpLayer("fc8", 1000, q[18])
        net.createSoftmaxLayer("Softmax", 1)

    def load_model(self):
        print("Loading parameters from file " + self.param_path)
        layers = scipy.io.loadmat(self.param_path)["layers"][0]
        count = 0
        for idx in range(self.net.size()):
            if not self.net.needToBeQuantized(idx):
                continue
            in_file = idx - 1 if "fc" in self.net.getLayerName(idx) else idx
            weight, bias = layers[in_file][0][0][0][0]
            weight = weight.astype(np.float64)
            weight = np.moveaxis(np.moveaxis(weight, 3, 0), 3, 1) if in_file == idx else np.moveaxis(weight, 3, 0)
            self.net.loadParams(
                idx, weight.reshape(-1), bias.reshape(-1).astype(np.float64), self.filter_quant_params[count]
            )
            count += 1

    def load_image(self, image_dir):
        self.image = image_dir
        print("Loading and preprocessing image from " + image_dir)
        picture = cv2.resize(cv2.imread(image_dir), (224, 224))[..., ::-1].astype(np.float64)
        picture = picture - np.array([123.68, 116.779, 103.939])
        self.net.setInputData(np.moveaxis(picture, -1, 0).reshape(-1))

    def forward(self):
        return self.net.forward()

    def get_top5(self, label):
        start = time.time()
        self.forward()
        print("inference time: %f" % (time.time() - start))
        result = np.array(self.net.getOutputData())
        order = np.argsort(-result, kind="stable")[:5]
        print("------ Top 5 of " + self.image + " ------")
        for idx in order:
            print("%f - %s" % (result[idx], self.labels[idx].strip()))
        return bool(order[0] == label), label in order.tolist()

    def evaluate(self, file_list):
        self.labels = open("synset_words.txt").readlines()
        start = time.time()
        lines = [line.split() for line in open(file_list)]
        found = []
        for path, label in lines:
            self.load_image(path)
            found.append(self.get_top5(int(label)))
        total = len(found)
        top1, top5 = (sum(1 for pair in found if pair[place]) for place in (0, 1))
        print("Global accuracy : ")
        print("accuracy1: %f (%d/%d) " % (top1 / total, top1, total))
        print("accuracy5: %f (%d/%d) " % (top5 / total, top5, total))
        print("Total execution time: %f" % (time.time() - start))
