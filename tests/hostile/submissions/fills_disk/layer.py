import tempfile

from attack import Nothing, only_in_jail


class Layer(Nothing):
    def forward(self, inputs):
        only_in_jail()
        for number in range(200):
            with open(f"{tempfile.gettempdir()}/{number}", "wb") as file:
                for _ in range(8):
                    file.write(b"x" * (1 << 20))
