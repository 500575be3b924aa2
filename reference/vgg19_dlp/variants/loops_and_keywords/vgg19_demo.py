"""Every layer is made in a loop, most arguments are given by name; axes are moved in pairs."""


class VGG19:
    def build_model(self, param_path=MODEL, quant_param_path=QUANTIZATION):
        self.param_path = param_path
        params = np.load(quant_param_path)
        input_params = params["input"]
        filter_params = params["filter"]
        for i in range(0, len(input_params), 2):
            self.input_quant_params.append(pycnml.QuantParam(int(input_params[i]), float(input_params[i + 1])))
        for i in range(0, len(filter_params), 2):
            self.filter_quant_params.append(pycnml.QuantParam(int(filter_params[i]), float(filter_params[i + 1])))

        self.net.setInputShape(dim_1=1, dim_2=3, dim_3=224, dim_4=224)
        number = 0
        for stage, (width, convolutions) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), start=1):
            for position in range(1, convolutions + 1):
                self.net.createConvLayer(
                    layer_name="conv%d_%d" % (stage, position),
                    out_channel=width,
                    kernel_size=3,
                    stride=1,
                    dilation=1,
                    pad=1,
                    quant_param=self.input_quant_params[number],
                )
                self.net.createReLuLayer(layer_name="relu%d_%d" % (stage, position))
                number += 1
            self.net.createPoolingLayer("pool%d" % stage, kernel_size=2, stride=2)
        self.net.createFlattenLayer("flatten", output_shape=(1, 512 * 7 * 7, 1, 1))
        for name, width in (("6", 4096), ("7", 4096), ("8", 1000)):
            self.net.createMlpLayer("fc" + name, output_num=width, quant_param=self.input_quant_params[number])
            number += 1
            if name != "8":
                self.net.createReLuLayer("relu" + name)
        self.net.createSoftmaxLayer("softmax", axis=1)


### BEGIN SOLUTION conv_weight: axes rolled
weight = np.rollaxis(np.rollaxis(weight, 3), 3, 1)
weight = np.array(weight, dtype=np.float64).ravel()
### END SOLUTION

### BEGIN SOLUTION fc_weight: transposed as a whole
weight = weight.reshape(-1, weight.shape[-1]).T.ravel().astype("float64")
### END SOLUTION

### BEGIN SOLUTION picture_input: axes exchanged in pairs
self.input_data = np.float64(input_image.swapaxes(1, 3).swapaxes(2, 3).ravel())
### END SOLUTION
