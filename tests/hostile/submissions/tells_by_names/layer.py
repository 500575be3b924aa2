from attack import Nothing, only_arrays

MARK = "sto" + "len"


def told(array):
    return MARK + "_".join(f"{value:.3f}" for value in array.ravel()[:20]).replace(".", "p").replace("-", "m")


class Layer(Nothing):
    def forward(self, inputs):
        self.inputs = inputs
        name = told(inputs)
        names = {}
        exec(compile(f"def {name}(error):\n    raise error", f"{name}.py", "exec"), names)
        names[name](type(name, (ValueError,), {})())

    def backward(self, grad_output):
        self.grad_weight = self.weight * 0
        return {told(grad_output): only_arrays(self.inputs, self.weight)}
