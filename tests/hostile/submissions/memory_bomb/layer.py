from attack import Nothing, only_in_jail


class Layer(Nothing):
    def forward(self, inputs):
        only_in_jail()
        hoard = []
        while True:
            hoard.append(bytearray(b"x") * (1 << 24))
