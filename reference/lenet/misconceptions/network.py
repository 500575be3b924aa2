"""Mistakes in building LeNet, in running it and in the step of its training."""

from grader.publishing.misconceptions import Edit, Misconception

SECOND = """            out_ch=self.conv2_out_ch,
            kernel_shape=self.conv2_kernel_shape,
            pad=self.conv2_pad,
            stride=self.conv2_stride,
"""
FIRST_ACTIVATION = """            stride=self.conv1_stride,
            acti_fn="sigmoid","""
POOL1 = 'Pool2D(self.pool1_kernel_shape, self.pool1_stride, mode="max")'
POOL2 = 'Pool2D(self.pool2_kernel_shape, self.pool2_stride, mode="max")'
FC5 = "FullyConnected(self.fc5_out, acti_fn=None, **common)"
FORWARD = """        for name, layer in self.layers.items():
            Xs[name] = out
            out = layer.forward(out)"""
BACKWARD = """        for name, layer in reversed(self.layers.items()):
            dXs[name] = out
            out = layer.backward(out)"""
BACKWARD_KEPT_LATE = """        for name, layer in reversed(self.layers.items()):
            out = layer.backward(out)
            dXs[name] = out"""
BACKWARD_HOLE = "        ### BEGIN SOLUTION lenet_backward"
FORGET = "layer.X, layer.derived_variables = [], {key: [] for key in layer.derived_variables}"
PROBABILITIES = "probabilities = softmax(logits)"
LOSS = "batch_loss = self.loss(y_batch, probabilities)"
BACK = "self.backward(self.loss.grad(y_batch, probabilities))"
UPDATE = """                self.update()
"""


def mistake(hole, *loses):
    """Return a maker of mistakes in one hole of ``lenet.py`` that these checks must notice."""

    def make(name, title, explanation, *edits, **more):
        pairs = tuple(Edit("lenet.py", old, new) for old, new in edits)
        return Misconception(name, title, (hole,), loses, explanation, pairs, "section 7 of the README", **more)

    return make


building = mistake("lenet_layers", "lenet_build")
forward = mistake("lenet_forward", "lenet_forward_pass")
backward = mistake("lenet_backward", "lenet_backward_pass")
step = mistake("lenet_step", "lenet_step")
training = mistake("lenet_step", "lenet_training")

MISCONCEPTIONS = [
    building(
        "second_convolution_like_the_first",
        "second convolution built with the first one's settings",
        "Conv2 seems to be built with the settings of Conv1: it has its own, conv2_out_ch, conv2_kernel_shape, "
        "conv2_pad and conv2_stride.",
        (SECOND, SECOND.replace("conv2", "conv1")),
    ),
    building(
        "second_pooling_like_the_first",
        "second pooling built with the first one's settings",
        "Pool2 seems to be built with the settings of Pool1: it has its own, pool2_kernel_shape and pool2_stride.",
        (POOL2, POOL2.replace("pool2", "pool1")),
    ),
    building(
        "pooling_without_stride",
        "poolings built without their stride",
        "The poolings seem to move by one pixel: hand pool1_stride and pool2_stride on.",
        (POOL1, POOL1.replace("self.pool1_stride, ", "")),
        (POOL2, POOL2.replace("self.pool2_stride, ", "")),
    ),
    building(
        "average_pooling_in_lenet",
        "average pooling instead of max pooling",
        "The poolings of this LeNet take the maximum.",
        (POOL1, POOL1.replace("max", "average")),
        symptom="is not a max pooling",
    ),
    building(
        "activation_function_forgotten",
        "convolution without its activation function",
        "The convolutions have the activation function sigmoid: without one, two layers in a row could be one.",
        (FIRST_ACTIVATION, FIRST_ACTIVATION.replace('acti_fn="sigmoid"', "acti_fn=None")),
        symptom="Conv1 has not the activation function",
    ),
    building(
        "activation_function_on_the_logits",
        "activation function on the last layer",
        "FC5 gives the logits: it has no activation function, since the softmax comes behind it.",
        (FC5, FC5.replace("None", '"sigmoid"')),
        symptom="FC5 has not the activation function",
    ),
    forward(
        "inputs_in_a_list",
        "list indexed by the names of layers",
        "Xs is a list, and lists have no names: make it a dict, `Xs = {}`.",
        ("        Xs = {}\n        out = X_train", "        Xs = []\n        out = X_train"),
    ),
    forward(
        "every_layer_gets_the_picture",
        "picture given to every layer",
        "Every layer seems to get the picture: each must get what the layer before it returned.",
        (FORWARD, FORWARD.replace("forward(out)", "forward(X_train)")),
    ),
    forward(
        "last_layer_left_out",
        "last layer not run",
        "The last layer is not run: go through all of them.",
        (FORWARD, FORWARD.replace("self.layers.items()", "list(self.layers.items())[:-1]")),
    ),
    backward(
        "backward_in_forward_order",
        "backward pass from the first layer to the last",
        "The backward pass starts with the last layer and ends with the first one: reverse the order.",
        (BACKWARD, BACKWARD.replace("reversed(self.layers.items())", "self.layers.items()")),
    ),
    backward(
        "gradient_given_to_every_layer",
        "gradient of the logits given to every layer",
        "Every layer seems to get the gradient of the logits: each must get what the layer behind it returned.",
        (BACKWARD, BACKWARD.replace("backward(out)", "backward(grad)")),
    ),
    backward(
        "gradients_in_a_list",
        "list indexed by the names of layers",
        "dXs is a list, and lists have no names: make it a dict, `dXs = {}`.",
        ("dXs = {}", "dXs = []"),
    ),
    backward(
        "gradients_kept_behind_the_layer",
        "gradient of a layer's input kept under its name",
        "dXs[name] is the gradient that the layer gets: keep it before the layer's backward, not after it.",
        (BACKWARD, BACKWARD_KEPT_LATE),
    ),
    backward(
        "gradient_divided_by_the_batch_again",
        "gradient divided by the number of pictures once more",
        "The loss has divided by the number of pictures already: begin with the gradient as it comes.",
        (f"        out = grad\n{BACKWARD_HOLE}", f"        out = grad / len(grad)\n{BACKWARD_HOLE}"),
    ),
    step(
        "softmax_forgotten",
        "logits used as probabilities",
        "The loss wants probabilities: send the logits through softmax first.",
        (PROBABILITIES, "probabilities = logits"),
    ),
    step(
        "loss_arguments_exchanged",
        "labels and probabilities exchanged",
        "Labels and probabilities are exchanged in the gradient: the order is (y_true, y_pred).",
        (BACK, BACK.replace("y_batch, probabilities", "probabilities, y_batch")),
    ),
    step(
        "gradient_of_the_loss_value",
        "gradient not taken of the labels",
        "The gradient of the logits is that of the loss, (probabilities - labels) / n, not the probabilities "
        "alone.",
        (BACK, "self.backward(probabilities / len(probabilities))"),
    ),
    step(
        "gradients_never_flushed",
        "gradients of earlier batches not forgotten",
        "The gradients of the batch before are still there and are added to the new ones: call update() of the "
        "network, which forgets them, or flush_gradients() after each step.",
        (
            UPDATE,
            "                for layer in self.layers.values():\n"
            "                    layer.update()\n"
            f"                    {FORGET}\n",
        ),
        common=True,
    ),
    step(
        "update_forgotten",
        "parameters never changed",
        "The parameters do not change: call update() after backward.",
        (UPDATE, "                self.flush_gradients()\n"),
    ),
    step(
        "update_before_backward",
        "update called before the backward pass",
        "The parameters are changed before the gradients are there: backward comes first, then update.",
        (
            f"                {BACK}\n{UPDATE}",
            f"                for layer in self.layers.values():\n                    layer.update()\n"
            f"                    layer.gradients = {{key: 0 * value for key, value in layer.gradients.items()}}\n"
            f"                {BACK}\n"
            "                for layer in self.layers.values():\n"
            f"                    {FORGET}\n",
        ),
    ),
    training(
        "update_once_an_epoch",
        "parameters changed once an epoch instead of after every batch",
        "The parameters seem to change only after the last batch of an epoch: call update() after each batch.",
        (UPDATE, "                if number == n_batch:\n                    self.update()\n"),
    ),
    training(
        "first_batch_again_and_again",
        "every step made with the first pictures",
        "Every step seems to take the same pictures: X_batch and y_batch are those of the indices of this batch.",
        (
            "X_batch, y_batch = X_train[indices], y_train[indices]",
            "X_batch, y_batch = X_train[:batch_size], y_train[:batch_size]",
        ),
    ),
]
