"""Some numbers are handed over as lists; axes by einsum and by the method of the array."""


class VGG19:
    def load_model(self):
        print("Loading parameters from file " + self.param_path)
        params = scipy.io.loadmat(self.param_path)
        self.image_mean = params["normalization"][0][0][0]
        self.image_mean = np.mean(self.image_mean, axis=(0, 1))
        count = 0
        for idx in range(self.net.size()):
            if "conv" in self.net.getLayerName(idx):
                weight, bias = params["layers"][0][idx][0][0][0][0]
                weight = np.einsum("hwio->oihw", weight).flatten().astype(np.float64)
                bias = bias.flatten().tolist()
                self.net.loadParams(idx, weight, bias, self.filter_quant_params[count])
                count += 1
            if "fc" in self.net.getLayerName(idx):
                # The file has no layer `flatten`, so everything behind it stands one place earlier.
                weight, bias = params["layers"][0][idx - 1][0][0][0][0]
                weight = weight.transpose(3, 0, 1, 2).flatten().astype(np.float64)
                bias = bias.reshape(-1).astype(np.float64)
                self.net.loadParams(idx, weight, bias, self.filter_quant_params[count])
                count += 1


### BEGIN SOLUTION picture_input: a list
input_image = np.transpose(input_image, [0, 3, 1, 2])
self.input_data = input_image.flatten().tolist()
### END SOLUTION
