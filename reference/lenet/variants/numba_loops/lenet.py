"""Two blocks of one loop, then a loop over the fully connected layers; the passes walk along a queue of layers."""

### BEGIN SOLUTION lenet_layers: the settings by their names
for number in ("1", "2"):
    setting = {part: getattr(self, f"conv{number}_{part}") for part in ("out_ch", "kernel_shape", "pad", "stride")}
    self.layers["Conv" + number] = self.convolution(acti_fn="sigmoid", **setting, **common)
    window, step = getattr(self, f"pool{number}_kernel_shape"), getattr(self, f"pool{number}_stride")
    self.layers["Pool" + number] = Pool2D(kernel_shape=window, stride=step, mode="max")
self.layers["Flatten"] = Flatten()
for number, size in enumerate((self.fc3_out, self.fc4_out, self.fc5_out), start=3):
    function = "sigmoid" if number < 5 else None
    self.layers[f"FC{number}"] = FullyConnected(n_out=size, acti_fn=function, **common)
### END SOLUTION

### BEGIN SOLUTION lenet_forward: a queue
waiting = list(self.layers.items())
while waiting:
    name, layer = waiting.pop(0)
    Xs[name], out = out, layer.forward(out)
### END SOLUTION

### BEGIN SOLUTION lenet_backward: a stack
waiting = list(self.layers.items())
while waiting:
    name, layer = waiting.pop()
    dXs[name], out = out, layer.backward(out)
### END SOLUTION

### BEGIN SOLUTION lenet_step: softmax written out
powers = self.forward(X_batch)[0]
powers = np.exp(powers - powers.max(axis=1).reshape(-1, 1))
probabilities = powers / powers.sum(axis=1).reshape(-1, 1)
grad = self.loss.grad(y_batch, probabilities)
batch_loss = self.loss(y_batch, probabilities)
self.backward(grad)
self.update()
### END SOLUTION
