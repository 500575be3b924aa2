"""What PyTorch computes, in float64, for the cases of the lab resnet18: layers, LeNet-5, the block, ResNet18."""

from __future__ import annotations

from typing import Any

import numpy as np


def tensor(array: np.ndarray) -> Any:
    """Return a float64 tensor that collects its gradient."""
    import torch

    return torch.from_numpy(np.array(array)).double().requires_grad_()


def numbers(value: Any) -> np.ndarray:
    """Return a tensor's numbers."""
    return value.detach().numpy()


def layer(name: str, case: Any) -> dict[str, np.ndarray]:
    """Return outputs or gradients of an operator."""
    from torch.nn import functional

    a = {key: tensor(value) for key, value in case.arrays.items() if value.dtype.kind == "f"}
    if name.startswith("conv_single"):
        y = functional.conv2d(a["x"][:, None], a["weight"][None, None], None, case.stride, case.padding)[:, 0]
    elif name.startswith("conv"):
        y = functional.conv2d(a["x"], a["weight"], a["bias"], case.stride, case.padding)
    elif name.startswith("max_pool"):
        y = functional.max_pool2d(a["x"], case.k, case.stride, case.config.get("padding", 0))
    elif name.startswith("average_pool"):
        y = functional.avg_pool2d(a["x"], case.k, case.stride)
    else:
        y = a["x"] @ a["weight"] + a["bias"]
    if name.endswith("_forward"):
        return {"outputs": numbers(y)}
    y.backward(a["out_grad"].detach())
    names = {"x": "in_grad", "weight": "d_weight", "bias": "d_bias"}
    return {names[key]: a[key].grad.numpy() for key in names if key in a}


def batch_norm(name: str, case: Any) -> dict[str, np.ndarray]:
    """Return outputs, running statistics (the variance biased) or gradients of batch norm."""
    from torch.nn import functional

    x, weight, bias = tensor(case.x), tensor(case.weight), tensor(case.bias)
    mean, variance = tensor(case.mean).detach(), tensor(case.variance).detach()
    training = name != "batch_norm_evaluation" and case.config.get("training", True)
    for call in x:
        # Copies: what is changed in place must not be part of the graph.
        mean, variance = mean.clone(), variance.clone()
        y = functional.batch_norm(call, mean, variance, weight, bias, training=training, momentum=0.1, eps=1e-5)
        if training:
            # PyTorch keeps n / (n - 1) times the batch's variance.
            n = call[:, 0].numel()
            variance = variance - 0.1 * call.detach().var(dim=(0, 2, 3), unbiased=False) / (n - 1)
    if name == "batch_norm_evaluation":
        return {"outputs": numbers(y), "running_mean": numbers(mean)}
    if name == "batch_norm_training":
        return {"outputs": numbers(y), "running_mean": numbers(mean), "running_variance": numbers(variance)}
    y.backward(tensor(case.out_grad).detach())
    return {"in_grad": x.grad[-1].numpy(), "d_weight": weight.grad.numpy(), "d_bias": bias.grad.numpy()}


def norm_of(channels: int) -> Any:
    """Return a batch norm of the handout's numbers."""
    import torch

    return torch.nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)


def lenet(in_channels: int, classes: int) -> Any:
    """Return LeNet-5 by the handout's table, its layers by the handout's names."""
    import torch
    from torch import nn

    class LeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv3, self.conv5 = (
                nn.Conv2d(i, o, 5) for i, o in ((in_channels, 6), (6, 16), (16, 120))
            )
            self.linear6, self.linear7 = nn.Linear(120, 84), nn.Linear(84, classes)

        def forward(self, x: Any) -> Any:
            x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
            x = nn.functional.avg_pool2d(torch.relu(self.conv3(x)), 2)
            x = torch.relu(self.conv5(x)).flatten(1)
            return self.linear7(torch.relu(self.linear6(x)))

    return LeNet().double()


def block(c_in: int, c_out: int, stride: int, residual: bool) -> Any:
    """Return a residual block, its layers by the handout's names."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
            self.bn1 = norm_of(c_out)
            self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
            self.bn2 = norm_of(c_out)
            self.projects = residual and (c_in != c_out or stride != 1)
            if self.projects:
                self.shortcut = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
                self.bn3 = norm_of(c_out)

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            if residual:
                y = y + (self.bn3(self.shortcut(x)) if self.projects else x)
            return torch.relu(y)

    return Block().double()


def resnet(in_channels: int, classes: int, width: int, residual: bool) -> Any:
    """Return ResNet18 with a biased first convolution, as ``net.0`` to ``net.7``."""
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            stem = nn.Sequential(
                nn.Conv2d(in_channels, width, 7, 2, 3), norm_of(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
            )
            stages, channels = [], width
            for stage in range(4):
                wide = width * 2**stage
                stages.append(
                    nn.Sequential(block(channels, wide, 1 + (stage > 0), residual), block(wide, wide, 1, residual))
                )
                channels = wide
            self.net = nn.Sequential(
                stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
            )

        def forward(self, x: Any) -> Any:
            return self.net(x)

    return Net().double()


def load(module: Any, values: Any) -> None:
    """Put the lab's values into a module of the same names; PyTorch's linear weights are (out, in)."""
    import torch

    names = {"mean": "running_mean", "variance": "running_var"}
    state = {
        f"{place}.{names.get(key, key)}": torch.from_numpy(value.T.copy() if value.ndim == 2 else value).double()
        for place, part in values.items()
        for key, value in part.items()
    }
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)


def gradients(module: Any) -> dict[str, np.ndarray]:
    """Return the gradients of all parameters by the lab's names, in the lab's shapes."""
    return {
        name: (parameter.grad.T if parameter.grad.ndim == 2 else parameter.grad).numpy()
        for name, parameter in module.named_parameters()
    }
