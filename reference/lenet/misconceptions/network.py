"""Mistakes in building LeNet, in running it and in the step of its training."""

from grader.publishing.misconceptions import mistakes_in

lenet_layers = mistakes_in("lenet_layers", "lenet_build", formula="section 7 of the README")
lenet_forward = mistakes_in("lenet_forward", "lenet_forward_pass", formula="section 7 of the README")
lenet_backward = mistakes_in("lenet_backward", "lenet_backward_pass", formula="section 7 of the README")
lenet_backward_in_lenet_backward_pass = mistakes_in(
    "lenet.py", "lenet_backward_pass", formula="section 7 of the README", holes=("lenet_backward",)
)
lenet_step = mistakes_in("lenet_step", "lenet_step", formula="section 7 of the README")

MISCONCEPTIONS = [
    lenet_layers(
        "second_convolution_like_the_first",
        "second convolution built with the first one's settings",
        "Conv2 seems to be built with the settings of Conv1: it has its own, conv2_out_ch, conv2_kernel_shape, "
        "conv2_pad and conv2_stride.",
        ("self.conv2_out_ch", "self.conv1_out_ch"),
        ("self.conv2_kernel_shape", "self.conv1_kernel_shape"),
        ("self.conv2_pad", "self.conv1_pad"),
        ("self.conv2_stride", "self.conv1_stride"),
    ),
    lenet_layers(
        "second_pooling_like_the_first",
        "second pooling built with the first one's settings",
        "Pool2 seems to be built with the settings of Pool1: it has its own, pool2_kernel_shape and pool2_stride.",
        (".pool2_kernel_shape, self.pool2_stride,", ".pool1_kernel_shape, self.pool1_stride,"),
    ),
    lenet_layers(
        "pooling_without_stride",
        "poolings built without their stride",
        "The poolings seem to move by one pixel: hand pool1_stride and pool2_stride on.",
        ('pool1_kernel_shape, self.pool1_stride, mode="max"', 'pool1_kernel_shape, mode="max"'),
        ('pool2_kernel_shape, self.pool2_stride, mode="max"', 'pool2_kernel_shape, mode="max"'),
    ),
    lenet_layers(
        "average_pooling_in_lenet",
        "average pooling instead of max pooling",
        "The poolings of this LeNet take the maximum.",
        ('pool1_stride, mode="max")', 'pool1_stride, mode="average")'),
        symptom="is not a max pooling",
    ),
    lenet_layers(
        "activation_function_forgotten",
        "convolution without its activation function",
        "The convolutions have the activation function sigmoid: without one, two layers in a row could be one.",
        ('stride=self.conv1_stride,\nacti_fn="sigmoid",', "stride=self.conv1_stride,\nacti_fn=None,"),
        symptom="Conv1 has not the activation function",
    ),
    lenet_layers(
        "activation_function_on_the_logits",
        "activation function on the last layer",
        "FC5 gives the logits: it has no activation function, since the softmax comes behind it.",
        ("acti_fn=None", 'acti_fn="sigmoid"'),
        symptom="FC5 has not the activation function",
    ),
    mistakes_in("lenet.py", "lenet_forward_pass", formula="section 7 of the README", holes=("lenet_forward",))(
        "inputs_in_a_list",
        "list indexed by the names of layers",
        "Xs is a list, and lists have no names: make it a dict, `Xs = {}`.",
        ("        Xs = {}", "        Xs = []"),
    ),
    lenet_forward(
        "every_layer_gets_the_picture",
        "picture given to every layer",
        "Every layer seems to get the picture: each must get what the layer before it returned.",
        ("layer.forward(out)", "layer.forward(X_train)"),
    ),
    lenet_forward(
        "last_layer_left_out",
        "last layer not run",
        "The last layer is not run: go through all of them.",
        ("self.layers.items()", "list(self.layers.items())[:-1]"),
    ),
    lenet_backward(
        "backward_in_forward_order",
        "backward pass from the first layer to the last",
        "The backward pass starts with the last layer and ends with the first one: reverse the order.",
        ("reversed(self.layers.items())", "self.layers.items()"),
    ),
    lenet_backward(
        "gradient_given_to_every_layer",
        "gradient of the logits given to every layer",
        "Every layer seems to get the gradient of the logits: each must get what the layer behind it returned.",
        ("layer.backward(out)", "layer.backward(grad)"),
    ),
    lenet_backward_in_lenet_backward_pass(
        "gradients_in_a_list",
        "list indexed by the names of layers",
        "dXs is a list, and lists have no names: make it a dict, `dXs = {}`.",
        ("dXs = {}", "dXs = []"),
    ),
    lenet_backward(
        "gradients_kept_behind_the_layer",
        "gradient of a layer's input kept under its name",
        "dXs[name] is the gradient that the layer gets: keep it before the layer's backward, not after it.",
        ("out = layer.backward(out)", ""),
        (
            "for name, layer in reversed(self.layers.items()):",
            "for name, layer in reversed(self.layers.items()):\n    out = layer.backward(out)",
        ),
    ),
    lenet_backward_in_lenet_backward_pass(
        "gradient_divided_by_the_batch_again",
        "gradient divided by the number of pictures once more",
        "The loss has divided by the number of pictures already: begin with the gradient as it comes.",
        ("out = grad", "out = grad / len(grad)"),
    ),
    lenet_step(
        "softmax_forgotten",
        "logits used as probabilities",
        "The loss wants probabilities: send the logits through softmax first.",
        ("softmax(logits)", "logits"),
    ),
    lenet_step(
        "loss_arguments_exchanged",
        "labels and probabilities exchanged",
        "Labels and probabilities are exchanged in the gradient: the order is (y_true, y_pred).",
        ("self.loss.grad(y_batch, probabilities)", "self.loss.grad(probabilities, y_batch)"),
    ),
    lenet_step(
        "gradient_of_the_loss_value",
        "gradient not taken of the labels",
        "The gradient of the logits is that of the loss, (probabilities - labels) / n, not the probabilities "
        "alone.",
        ("self.loss.grad(y_batch, probabilities)", "probabilities / len(probabilities)"),
    ),
    lenet_step(
        "gradients_never_flushed",
        "gradients of earlier batches not forgotten",
        "The gradients of the batch before are still there and are added to the new ones: call update() of the "
        "network, which forgets them, or flush_gradients() after each step.",
        (
            "self.update()",
            "for layer in self.layers.values():\n"
            "    layer.update()\n"
            "    layer.X, layer.derived_variables = [], {key: [] for key in layer.derived_variables}",
        ),
        common=True,
    ),
    lenet_step(
        "update_forgotten",
        "parameters never changed",
        "The parameters do not change: call update() after backward.",
        ("self.update", "self.flush_gradients"),
    ),
    lenet_step(
        "update_before_backward",
        "update called before the backward pass",
        "The parameters are changed before the gradients are there: backward comes first, then update.",
        (
            "batch_loss = self.loss(y_batch, probabilities)",
            "batch_loss = self.loss(y_batch, probabilities)\n"
            "for layer in self.layers.values():\n"
            "    layer.update()\n"
            "    layer.gradients = {key: 0 * value for key, value in layer.gradients.items()}",
        ),
        (
            "self.update()",
            "for layer in self.layers.values():\n"
            "    layer.X, layer.derived_variables = [], {key: [] for key in layer.derived_variables}",
        ),
    ),
    lenet_step(
        "update_once_an_epoch",
        "parameters changed once an epoch instead of after every batch",
        "The parameters seem to change only after the last batch of an epoch: call update() after each batch.",
        ("self.update()", "if number == n_batch:\n    self.update()"),
        loses=("lenet_training",),
    ),
    mistakes_in("lenet.py", "lenet_training", formula="section 7 of the README", holes=("lenet_step",))(
        "first_batch_again_and_again",
        "every step made with the first pictures",
        "Every step seems to take the same pictures: X_batch and y_batch are those of the indices of this batch.",
        ("= X_train[indices], y_train[indices]", "= X_train[:batch_size], y_train[:batch_size]"),
    ),
]
