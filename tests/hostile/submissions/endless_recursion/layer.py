from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        return self.forward(inputs)
