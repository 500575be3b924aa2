"""Mistakes in max pooling."""

from grader.publishing.misconceptions import Edit, mistakes_in

forward = mistakes_in("max_pool_forward", "max_pool_forward", formula="formula (5) of the README")
place = mistakes_in("max_pool_forward", "max_pool_backward", formula="formula (7) of the README")
backward = mistakes_in("max_pool_backward", "max_pool_backward", formula="formula (7) of the README")
given = mistakes_in(
    "layer.py", "max_pool_backward", formula="formula (7) of the README", holes=("max_pool_backward",)
)

MISCONCEPTIONS = [
    forward(
        "maximum_starts_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values: start it at the "
        "window's first value.",
        ("inputs[n, c, top, left]", "0.0"),
        common=True,
    ),
    forward(
        "pool_stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row h * S and column w * S.",
        (
            "top = h * stride\nleft = w * stride\nlargest = inputs[n, c, top, left]",
            "top = h\nleft = w\nlargest = inputs[n, c, top, left]",
        ),
        common=True,
    ),
    forward(
        "window_taken_as_stride",
        "window size used as the stride",
        "The window seems to move by its own size K instead of the stride S; the two are the same only in VGG16. "
        "Use S in the output size and for the window's place.",
        Edit(
            "layer.py",
            "        self.kernel_size = kernel_size\n        self.stride = stride",
            "        self.kernel_size = kernel_size\n        self.stride = kernel_size",
        ),
        formula="formula (6) of the README",
    ),
    forward(
        "window_step_is_window_size",
        "window moved by K inside the kernel",
        "The window seems to start at row h * K and column w * K: it is h * S and w * S, and S can differ from K.",
        ("h * stride", "h * kernel_size"),
        ("w * stride", "w * kernel_size"),
        reads_outside=True,
    ),
    forward(
        "mean_instead_of_maximum",
        "mean taken instead of the maximum",
        "The outputs are the means of the windows: this layer takes the maximum.",
        (
            "if value > largest:",
            "if i + j == 0:\n"
            "    largest = value / kernel_size**2\n"
            "else:\n"
            "    largest += value / kernel_size**2\n"
            "if False:",
        ),
    ),
    forward(
        "minimum_instead_of_maximum",
        "minimum taken instead of the maximum",
        "The outputs are the smallest values of the windows: turn the comparison round.",
        ("value > largest", "value < largest"),
    ),
    forward(
        "maximum_of_magnitudes",
        "largest magnitude taken instead of the largest value",
        "The outputs are the values of the largest magnitude: compare the values themselves, with their sign.",
        ("value > largest", "abs(value) > abs(largest)"),
    ),
    forward(
        "window_without_last_row_and_column",
        "last row and column of the window left out",
        "The last row and column of each window seem to be left out: range(K) already stops before K.",
        ("for i in range(kernel_size):", "for i in range(kernel_size - 1):"),
        ("for j in range(kernel_size):", "for j in range(kernel_size - 1):"),
    ),
    forward(
        "pool_batch_index_fixed",
        "every sample pooled from sample 0",
        "Every sample seems to be pooled from the first one: index the input by the sample, inputs[n, ...].",
        ("inputs[n, c, top, left]", "inputs[0, c, top, left]"),
        ("inputs[n, c, top + i, left + j]", "inputs[0, c, top + i, left + j]"),
        common=True,
    ),
    place(
        "last_maximum_wins",
        "last of equal maxima taken",
        "Where a window has its maximum more than once, the gradient must go to the first place, row by row. "
        "Compare with > instead of >=.",
        ("value > largest", "value >= largest"),
        common=True,
    ),
    place(
        "place_not_recorded",
        "place of the maximum not recorded",
        "The gradient always goes to the window's first pixel: record the place of the maximum in argidx each "
        "time a larger value is found.",
        ("i * kernel_size + j", "0"),
    ),
    place(
        "place_counted_by_columns",
        "place of the maximum counted column by column",
        "The place of the maximum is counted the other way round than it is read: it is i * K + j, row by row.",
        ("i * kernel_size + j", "j * kernel_size + i"),
        common=True,
    ),
    place(
        "place_counts_updates",
        "place of the maximum overwritten by the last pixel",
        "The gradient always goes to the window's last pixel: set the place only where a larger value is found, "
        "inside the `if`.",
        (
            "if value > largest:\n    largest = value\n    place = i * kernel_size + j",
            "if value > largest:\n    largest = value\n    pass\nplace = i * kernel_size + j",
        ),
    ),
    backward(
        "pool_backward_overwrites",
        "gradients of overlapping windows overwritten",
        "Where windows overlap, one pixel can be the maximum of several, and their gradients add up. They seem to "
        "be assigned (`=`): use `+=`.",
        ("in_grad[n, c, row, column] += out_grad[n, c, h, w]", "in_grad[n, c, row, column] = out_grad[n, c, h, w]"),
        common=True,
    ),
    backward(
        "row_and_column_of_place_swapped",
        "row and column of the place exchanged",
        "Row and column of the maximum's place seem to be exchanged: the row is argidx // K, the column argidx % "
        "K.",
        (
            "row = h * stride + argidx[n, c, h, w] // kernel_size\n"
            "column = w * stride + argidx[n, c, h, w] % kernel_size",
            "row = h * stride + argidx[n, c, h, w] % kernel_size\n"
            "column = w * stride + argidx[n, c, h, w] // kernel_size",
        ),
        common=True,
    ),
    backward(
        "pool_backward_stride_ignored",
        "stride not used in the backward pass",
        "The stride seems to be ignored in the backward pass: the window of output (h, w) starts at row h * S and "
        "column w * S.",
        ("h * stride + argidx[n, c, h, w] // kernel_size", "h + argidx[n, c, h, w] // kernel_size"),
        ("w * stride + argidx[n, c, h, w] % kernel_size", "w + argidx[n, c, h, w] % kernel_size"),
        common=True,
    ),
    backward(
        "gradient_to_the_whole_window",
        "gradient given to every pixel of the window",
        "Every pixel of a window seems to get its gradient: only the one that was the maximum does, all others "
        "get 0.",
        (
            "in_grad[n, c, row, column] += out_grad[n, c, h, w]",
            "for i in range(kernel_size):\n"
            "    for j in range(kernel_size):\n"
            "        in_grad[n, c, h * stride + i, w * stride + j] += out_grad[n, c, h, w]",
        ),
    ),
    backward(
        "gradient_shared_out",
        "gradient shared out evenly, as for average pooling",
        "The gradient seems to be shared out over the window, as for average pooling: here all of it goes to the "
        "maximum.",
        (
            "in_grad[n, c, row, column] += out_grad[n, c, h, w]",
            "for i in range(kernel_size):\n"
            "    for j in range(kernel_size):\n"
            "        in_grad[n, c, h * stride + i, w * stride + j] += (\n"
            "            out_grad[n, c, h, w] / kernel_size**2\n"
            "        )",
        ),
    ),
    given(
        "argmax_instead_of_argidx",
        "attribute spelt self.argmax",
        "The places of the maxima are kept in `self.argidx`; the printed handout once calls it `self.argmax`, "
        "which does not exist.",
        ("in_grad, self.argidx, self.kernel_size", "in_grad, self.argmax, self.kernel_size"),
    ),
    given(
        "pool_backward_overwrites_unrolled",
        "gradients of overlapping windows overwritten, window position by window position",
        "Where windows overlap, one pixel can be the maximum of several, and their gradients add up. They seem to "
        "be assigned (`=`): use `+=`.",
        (
            "class MaxPoolLayer:",
            "def roll_last(patches, shape, stride):\n"
            "    x = np.zeros(shape, patches.dtype)\n"
            "    k, rows, cols = patches.shape[2], patches.shape[4], patches.shape[5]\n"
            "    for i in range(k):\n"
            "        for j in range(k):\n"
            "            x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] = patches[:, :, i, j]\n"
            "    return x\n"
            "\n"
            "\n"
            "class MaxPoolLayer:",
        ),
        ("return roll(d_patches", "return roll_last(d_patches"),
        form_of="pool_backward_overwrites",
        variant="im2col_gemm",
    ),
]
