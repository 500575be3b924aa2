"""Mistakes in the backward pass of the convolution."""

from grader.publishing.misconceptions import mistakes_in

backward = mistakes_in("conv_backward", "conv_backward", formula="formula (4) of the README")
given = mistakes_in("layer.py", "conv_backward", formula="formula (4) of the README", holes=("conv_backward",))

MISCONCEPTIONS = [
    backward(
        "backward_overwrites",
        "gradient assigned instead of added up",
        "Windows overlap, so most pixels belong to several of them and get a share from each. The gradient seems "
        "to be assigned (`=`); add the shares up with `+=`.",
        ("+= grad * weight[c, k, i, j]", "= grad * weight[c, k, i, j]"),
        common=True,
    ),
    given(
        "backward_padding_not_cropped",
        "padding not cut off the gradient",
        "The gradient still has the padding: the input had none, so return only rows P to P + H and columns P to "
        "P + W.",
        ("in_grad[:, :, padding : padding + height, padding : padding + width]", "in_grad"),
    ),
    given(
        "backward_cropped_at_the_corner",
        "gradient cropped from the top left corner",
        "The gradient seems to be shifted: cut off P rows and columns on all four sides, so begin at row P and "
        "column P.",
        ("in_grad[:, :, padding : padding + height, padding : padding + width]", "in_grad[:, :, :height, :width]"),
        common=True,
    ),
    backward(
        "backward_stride_ignored",
        "stride not used in the backward pass",
        "The stride seems to be ignored in the backward pass: output entry (h, w) came from the window at row h * "
        "S and column w * S.",
        ("h * stride", "h"),
        ("w * stride", "w"),
        common=True,
    ),
    backward(
        "backward_kernel_flipped",
        "kernel flipped in the loops of the backward pass",
        "The kernel seems to be turned by 180 degrees in the backward pass. That is right only for a backward "
        "pass written as another convolution; here weight[c, k, i, j] goes to the pixel it was multiplied with.",
        ("weight[c, k, i, j]", "weight[c, k, kernel_size - 1 - i, kernel_size - 1 - j]"),
        common=True,
    ),
    backward(
        "backward_kernel_transposed",
        "rows and columns of the kernel exchanged in the backward pass",
        "Rows and columns of the kernel seem to be exchanged in the backward pass: it is weight[c, k, i, j] for "
        "row i and column j of the window.",
        ("weight[c, k, i, j]", "weight[c, k, j, i]"),
        common=True,
    ),
    backward(
        "backward_column_index_is_row_index",
        "column index written with i instead of j",
        "Both indices of the pixel seem to use i: the row is h * S + i, but the column is w * S + j. "
        "(The printed handout has this slip in its formula.)",
        ("left + j] += grad * weight[c, k, i, j]", "left + i] += grad * weight[c, k, i, j]"),
        common=True,
    ),
    backward(
        "backward_last_channel_only",
        "gradient of the last output channel only",
        "Only the last output channel seems to reach the gradient: add up the shares of all output channels.",
        ("out_grad[n, c, h, w]", "out_grad[n, c, h, w] if c == out_channels - 1 else 0 * out_grad[n, c, h, w]"),
    ),
    backward(
        "backward_batch_index_fixed",
        "every sample's gradient computed from sample 0",
        "Every sample gets the gradient of the first one: index it by the sample, out_grad[n, ...].",
        ("out_grad[n, c, h, w]", "out_grad[0, c, h, w]"),
    ),
    backward(
        "backward_divided_by_batch",
        "gradient divided by the batch size again",
        "The gradient is too small by the batch size: the loss has already divided by it, so the layers must not.",
        ("out_grad[n, c, h, w]", "out_grad[n, c, h, w] / batch"),
    ),
    backward(
        "backward_overwrites_in_handout_order",
        "gradient assigned instead of added up, with the sum over output channels inside",
        "Windows overlap, so most pixels belong to several of them and get a share from each. The gradient seems "
        "to be assigned (`=`); add the shares up with `+=`.",
        (
            "for c in range(out_channels):\n"
            "    for h in range(out_height):\n"
            "        for w in range(out_width):\n"
            "            top = h * stride\n"
            "            left = w * stride\n"
            "            grad = out_grad[n, c, h, w]\n"
            "            for k in range(in_channels):\n"
            "                for i in range(kernel_size):\n"
            "                    for j in range(kernel_size):",
            "for h in range(out_height):\n"
            "    for w in range(out_width):\n"
            "        top = h * stride\n"
            "        left = w * stride\n"
            "        for k in range(in_channels):\n"
            "            for i in range(kernel_size):\n"
            "                for j in range(kernel_size):\n"
            "                    in_grad[n, k, top + i, left + j] = 0\n"
            "                    for c in range(out_channels):\n"
            "                        grad = out_grad[n, c, h, w]",
        ),
        form_of="backward_overwrites",
    ),
    given(
        "backward_overwrites_unrolled",
        "gradient assigned instead of added up, kernel position by kernel position",
        "Windows overlap, so most pixels belong to several of them and get a share from each. The gradient seems "
        "to be assigned (`=`); add the shares up with `+=`.",
        (
            "class WithParams:",
            "def roll_last(patches, shape, stride):\n"
            "    x = np.zeros(shape, patches.dtype)\n"
            "    k, rows, cols = patches.shape[2], patches.shape[4], patches.shape[5]\n"
            "    for i in range(k):\n"
            "        for j in range(k):\n"
            "            x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] = patches[:, :, i, j]\n"
            "    return x\n"
            "\n"
            "\n"
            "class WithParams:",
        ),
        ("dx = roll(", "dx = roll_last("),
        form_of="backward_overwrites",
        variant="im2col_gemm",
    ),
]
