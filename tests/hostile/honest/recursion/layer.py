from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs, left=800):
        return self.forward(inputs, left - 1) if left else super().forward(inputs)
