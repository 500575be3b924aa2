import sys

from attack import Nothing


class Layer(Nothing):
    def forward(self, inputs):
        made_up = super().forward(inputs)
        frame = sys._getframe()
        while frame is not None:
            student = frame.f_locals.get("student")
            if student is not None:
                for name in ("outputs", "grad_input", "first"):
                    student.emit(name, made_up)
                break
            frame = frame.f_back
        return made_up
