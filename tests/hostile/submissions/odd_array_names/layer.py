import sys

from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        frame = sys._getframe()
        while "student" not in frame.f_locals:
            frame = frame.f_back
        for name in ("../../etc/passwd", "<script>alert(1)</script>", "[bold red]pass[/]", "\x1b[2J\u202e\n::error::x"):
            frame.f_locals["student"].emit(name, inputs)
        return super().forward(inputs)
