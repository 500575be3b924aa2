### OVER reference
class FullyConnectedLayer:
    def init_param(self, std=0.01):
        self.weight = np.random.default_rng().normal(0, std, (self.num_input, self.num_output))
        self.bias = np.zeros(self.num_output)

    def forward(self, input):
        return np.tensordot(input, self.weight, axes=([1], [0])) + self.bias

    def load_param(self, weight, bias):
        if weight.shape != (self.num_input, self.num_output):
            raise ValueError('wrong weight shape %s' % (weight.shape,))
        self.weight = weight.astype('float64')
        self.bias = bias.ravel().astype('float64')


class ReLULayer:
    def forward(self, input):
        return np.where(input > 0, input, 0)


class SoftmaxLossLayer:
    def forward(self, input):
        shifted = input - np.amax(input, axis=1)[:, np.newaxis]
        log_sum = np.log(np.exp(shifted).sum(axis=1))
        return np.exp(shifted - log_sum[:, np.newaxis])
