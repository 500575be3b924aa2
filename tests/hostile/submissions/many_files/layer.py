import tempfile

from attack import Nothing, only_in_jail


class Layer(Nothing):
    def forward(self, inputs):
        only_in_jail()
        for number in range(1_000_000):
            open(f"{tempfile.gettempdir()}/{number}", "w").close()
