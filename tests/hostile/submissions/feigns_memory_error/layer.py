from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        raise MemoryError
