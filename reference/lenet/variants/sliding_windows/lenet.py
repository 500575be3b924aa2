"""Makers of layers by name, and the passes as what accumulates."""

from itertools import accumulate

### BEGIN SOLUTION lenet_layers: makers by name
at = vars(self).__getitem__
make = {
    "Conv": lambda n: self.convolution(
        at(f"conv{n}_out_ch"), at(f"conv{n}_kernel_shape"), at(f"conv{n}_pad"), at(f"conv{n}_stride"), 1, "sigmoid",
        **common,
    ),
    "Pool": lambda n: Pool2D(at(f"pool{n}_kernel_shape"), at(f"pool{n}_stride"), 0, "max"),
    "FC": lambda n: FullyConnected(at(f"fc{n}_out"), None if n == "5" else "sigmoid", **common),
}
for name in "Conv1 Pool1 Conv2 Pool2 Flatten FC3 FC4 FC5".split():
    self.layers[name] = Flatten() if name == "Flatten" else make[name[:-1]](name[-1])
### END SOLUTION

### BEGIN SOLUTION lenet_forward: accumulate
*inputs, out = accumulate(self.layers.values(), lambda x, layer: layer.forward(x), initial=X_train)
Xs.update(zip(self.layers, inputs))
### END SOLUTION

### BEGIN SOLUTION lenet_backward: accumulate from the end
names = list(self.layers)[::-1]
*kept, out = accumulate(names, lambda g, name: self.layers[name].backward(g), initial=grad)
dXs.update(zip(names, kept))
### END SOLUTION

### BEGIN SOLUTION lenet_step: in one expression each
truth_and_guess = y_batch, softmax(self.forward(X_batch)[0])
batch_loss, _ = self.loss(*truth_and_guess), self.backward(self.loss.grad(*truth_and_guess))
self.update()
### END SOLUTION
