from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        while True:
            print("x" * 10000)
