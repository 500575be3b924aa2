"""Mistakes on the way back through Flatten, Dense and concat."""

from grader.publishing.misconceptions import mistakes_in

dense_backward = mistakes_in(
    "dense_backward", "dense_backward", "baseline_step", formula="formula (13) of the README"
)

MISCONCEPTIONS = [
    mistakes_in("flatten_backward", "flatten_backward", "baseline_step", formula="section 6 of the README")(
        "flatten_gradient_channels_first",
        "gradient of Flatten taken for one with the channels first",
        "Backward the order is the same as forward: rows, columns, channels. Here the channels seem to come first.",
        (
            "return dy.reshape(self.x_shape)",
            "batch, rows, columns, channels = self.x_shape\n"
            "return dy.reshape(batch, channels, rows, columns).transpose(0, 2, 3, 1)",
        ),
    ),
    dense_backward(
        "dense_kernel_gradient_averaged",
        "kernel gradient of Dense divided by the batch",
        "The loss has divided by the number of pictures already; the gradient of the kernel is a plain sum over "
        "the batch.",
        ("self.x.T @ dy", "self.x.T @ dy / len(dy)"),
    ),
    dense_backward(
        "dense_kernel_reshaped_for_transposed",
        "kernel of Dense reshaped instead of transposed",
        "`reshape` leaves the numbers in their order in memory; rows become columns by `.T`.",
        ("self.kernel.value.T", "self.kernel.value.reshape(self.kernel.value.shape[::-1])"),
    ),
    mistakes_in("concat_backward", "concatenation_backward", formula="section 6 of the README")(
        "concatenation_lengths_taken_for_places",
        "gradient of concat cut at the widths of the parts",
        "np.split wants the places where a new part begins: the sums of the widths so far, not the widths.",
        ("np.cumsum(self.lengths)", "self.lengths"),
    ),
]
