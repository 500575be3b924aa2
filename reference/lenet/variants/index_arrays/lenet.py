"""Layers from a table; the passes go from place to place, and the step takes the layers one by one."""

### BEGIN SOLUTION lenet_layers: a table of names and objects
convolutions = [
    self.convolution(channels, shape, pad, stride, acti_fn="sigmoid", **common)
    for channels, shape, pad, stride in (
        (self.conv1_out_ch, self.conv1_kernel_shape, self.conv1_pad, self.conv1_stride),
        (self.conv2_out_ch, self.conv2_kernel_shape, self.conv2_pad, self.conv2_stride),
    )
]
table = [
    ("Conv1", convolutions[0]),
    ("Pool1", Pool2D(self.pool1_kernel_shape, self.pool1_stride)),
    ("Conv2", convolutions[1]),
    ("Pool2", Pool2D(self.pool2_kernel_shape, self.pool2_stride)),
    ("Flatten", Flatten()),
    ("FC3", FullyConnected(self.fc3_out, "sigmoid", **common)),
    ("FC4", FullyConnected(self.fc4_out, "sigmoid", **common)),
    ("FC5", FullyConnected(self.fc5_out, **common)),
]
self.layers = OrderedDict(table)
### END SOLUTION

### BEGIN SOLUTION lenet_forward: place by place
names = list(self.layers)
Xs[names[0]] = X_train
for name, following in zip(names, [*names[1:], None]):
    out = self.layers[name].forward(Xs[name])
    if following is not None:
        Xs[following] = out
### END SOLUTION

### BEGIN SOLUTION lenet_backward: place by place
names = list(self.layers)
for place in range(len(names) - 1, -1, -1):
    dXs[names[place]] = out
    out = self.layers[names[place]].backward(dXs[names[place]])
### END SOLUTION

### BEGIN SOLUTION lenet_step: layer by layer
out = X_batch
for layer in self.layers.values():
    out = layer.forward(out)
probabilities = softmax(out)
batch_loss = self.loss(y_batch, probabilities)
out = self.loss.grad(y_batch, probabilities)
for layer in list(self.layers.values())[::-1]:
    out = layer.backward(out)
for layer in self.layers.values():
    layer.update()
    layer.flush_gradients()
### END SOLUTION
