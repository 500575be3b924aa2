"""Rules by which the products of a fully connected layer are left out, repeated or exchanged, and what each gives.

``y[n, o] = sum_i w[o, i] * x[n, i] + b[o]``; with the gradient ``g`` that arrives, ``g @ w`` for the input,
``g.T @ x`` for the weight and the sum of ``g`` over the samples for the bias (Rumelhart et al. 1986). Of every
output the right rule comes first, with an empty text. `grader.explain.decomposition` asks which of them is
followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison
from grader.explain.convolution_rules import ALSO, BLOCKS, Rules
from grader.explain.gradient_rules import sums_over_samples
from grader.language.translation import _, listed

MAX_NAMED_FEATURES = 4
WHOLE = 1e-3
MAX_PRODUCTS = 1 << 20


@dataclass(frozen=True)
class Products:
    """One output of one case of a fully connected layer with what it is made of; float64.

    ``weight`` is (outputs, inputs) whatever the lab's own order, ``raw`` as the lab has it.
    """

    view: Comparison
    inputs: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    gradient: np.ndarray
    raw: np.ndarray

    @property
    def is_transposed(self) -> bool:
        """Whether the lab's own order is (inputs, outputs)."""
        return bool(self.raw.shape != self.weight.shape or not np.array_equal(self.raw, self.weight))


def products_of(run: CaseRun, view: Comparison) -> Iterator[Products]:
    """Yield what the layer of a case may be: its weight in either order, with and without bias."""
    arrays = run.recorded.case.arrays
    weight, x = arrays.get("weight"), arrays.get("x")
    if weight is None or x is None or weight.ndim != 2 or x.ndim != 2 or x.shape[0] * weight.size > MAX_PRODUCTS:
        return
    raw, inputs = weight.astype(np.float64), x.astype(np.float64)
    bias = arrays.get("bias", np.zeros(0)).astype(np.float64).reshape(-1)
    gradient = arrays.get("out_grad", np.zeros((0, 0))).astype(np.float64)
    for turned in (raw, raw.T):
        if turned.shape[1] == inputs.shape[1]:
            for added in (bias, np.zeros(0)) if bias.size == turned.shape[0] else (np.zeros(0),):
                yield Products(view, inputs, turned, added, gradient, raw)


def _misread(products: Products) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield the weight as it is when its order is mistaken, in the shape that it should have."""
    weight, raw = products.weight, products.raw
    if weight.shape[0] == weight.shape[1]:
        yield "transposed", _("The weight is transposed: its two axes are exchanged."), weight.T
        return
    other = raw.reshape(weight.shape) if products.is_transposed else raw.reshape(raw.shape[::-1]).T
    yield "reshaped", _("The weight is reshaped where it should be transposed: its numbers get mixed up."), other


def _kept(count: int, one: str, many: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield which of ``count`` inputs or outputs are used, as a mask."""
    place = np.arange(count)
    yield "last", _("The last {one} is left out.", one=one), place < count - 1
    yield "first", _("The first {one} is left out.", one=one), place > 0
    yield "only_first", _("Only the first {one} is used.", one=one), place == 0
    yield "only_last", _("Only the last {one} is used.", one=one), place == count - 1
    yield "half", _("Only the first half of the {many} is used.", many=many), place < count // 2
    for block in BLOCKS:
        text = _(
            "Only whole blocks of {block} are used: the rest of the {many} is left out.", block=block, many=many
        )
        yield f"blocks_of_{block}", text, place < count // block * block


def _samples_mistaken(made: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    yield "sample_0", _("Every sample gets the result of sample 0."), made[:1].repeat(len(made), 0)
    yield "last_sample", _("Every sample gets the result of the last sample."), made[-1:].repeat(len(made), 0)
    yield "samples_summed", _("Every sample gets the sum of all of them."), 0 * made + made.sum(axis=0)
    yield "divided_by_samples", _("It is divided by the number of samples."), made / len(made)
    yield "negated", _("It has the opposite sign."), -made


def _biases(products: Products) -> Iterator[tuple[str, str, np.ndarray]]:
    bias, samples = products.bias[None], len(products.inputs)
    yield "none", _("The bias is not added."), 0 * bias
    yield "twice", _("The bias is added twice."), 2 * bias
    yield "subtracted", _("The bias is subtracted."), -bias
    yield "features", _("The bias is added once for each input."), products.inputs.shape[1] * bias
    yield "samples", _("The bias is added once for each sample."), samples * bias
    yield "first", _("Every output gets the bias of output 0."), 0 * bias + products.bias[0]
    yield "reversed", _("The biases are taken in reverse order."), bias[:, ::-1]
    yield "before", _("Every output gets the bias of the one before it."), np.roll(bias, 1, axis=1)
    yield "behind", _("Every output gets the bias of the one behind it."), np.roll(bias, -1, axis=1)
    yield "sample_0", _("The bias is added to sample 0 only."), (np.arange(samples) == 0)[:, None] * bias
    yield "multiplied", _("The bias is multiplied with the sum instead of added."), np.full_like(bias, np.nan)


def _outputs(products: Products) -> Rules:
    x, weight = products.inputs, products.weight
    bias = products.bias[None] if products.bias.size else np.zeros((1, 1))
    sums = x @ weight.T
    found = {"right": ("", sums + bias)}
    if products.bias.size:
        for name, text, other in _biases(products):
            found[f"bias_{name}"] = (text, sums * bias if name == "multiplied" else sums + other)
    changed = [(name, text, x @ other.T) for name, text, other in _misread(products)]
    changed += [
        (f"{name}_input", text, (x * kept) @ weight.T)
        for name, text, kept in _kept(x.shape[1], _("input"), _("inputs"))
    ]
    features = _("The sum is divided by the number of inputs: a mean instead of a sum.")
    changed += [
        ("divided_by_inputs", features, sums / x.shape[1]),
        ("weight_squared", _("The weight is squared."), x @ np.square(weight).T),
        ("inputs_cut", _("Negative inputs are cut off to 0 first."), np.maximum(x, 0) @ weight.T),
        ("outputs_reversed", _("The outputs come in reverse order."), sums[:, ::-1]),
        *((f"sums_{name}", text, other) for name, text, other in _samples_mistaken(sums)),
    ]
    for name, text, other in changed:
        found[name] = (text, other + bias)
        if products.bias.size:
            found[f"{name}{ALSO}without_bias"] = (_("{text} And the bias is not added.", text=text), other)
            if name.startswith(("divided", "sums_", "outputs")):
                factor = {"divided_by_inputs": 1 / x.shape[1], "sums_divided_by_samples": 1 / len(x)}.get(name)
                moved = bias * factor if factor else -bias if name == "sums_negated" else None
                if moved is not None:
                    found[f"{name}{ALSO}of_bias"] = (_("{text} So is the bias.", text=text), other + moved)
    return found


def _in_grad(products: Products) -> Rules:
    gradient, weight = products.gradient, products.weight
    right = gradient @ weight
    found = {"right": ("", right)}
    for name, text, other in _misread(products):
        found[name] = (text, gradient @ other)
    for name, text, kept in _kept(gradient.shape[1], _("output"), _("outputs")):
        found[f"{name}_output"] = (text, (gradient * kept) @ weight)
    for name, text, other in _samples_mistaken(right):
        found[name] = (text, other)
    found["with_inputs"] = (_("It is multiplied with the inputs once more."), right * products.inputs)
    text = _("It is divided by the number of outputs.")
    found["divided_by_outputs"] = (text, right / gradient.shape[1])
    return found


def _d_weight(products: Products) -> Rules:
    x, gradient = products.inputs, products.gradient
    each = gradient[:, :, None] * x[:, None, :]
    right = each.sum(axis=0)
    found = dict(sums_over_samples(each))
    found["of_sums"] = (
        _("Inputs and gradients are added up over the samples before they are multiplied."),
        np.outer(gradient.sum(axis=0), x.sum(axis=0)),
    )
    found["of_means"] = (
        _("The means over the samples are multiplied, not the samples one by one."),
        np.outer(gradient.mean(axis=0), x.mean(axis=0)),
    )
    if right.shape[0] == right.shape[1]:
        found["transposed"] = (_("It is transposed."), right.T)
    turned = products.is_transposed
    return {name: (text, array.T if turned else array) for name, (text, array) in found.items()}


def _d_bias(products: Products) -> Rules:
    return sums_over_samples(products.gradient)


def inputs_left_out(products: Products) -> tuple[int, ...] | None:
    """Solve for how often the products of each input are in the sums; return the inputs that are in none.

    None if that cannot be told, or if it is no matter of leaving out: empty if it is anything but 0 or 1 times.
    """
    x, weight = products.inputs, products.weight
    wanted = products.view.actual - (products.bias[None] if products.bias.size else 0.0)
    columns = (x[:, None, :] * weight[None]).reshape(-1, x.shape[1])
    if len(columns) < 2 * x.shape[1]:
        return None
    solved, _residual, rank, _values = np.linalg.lstsq(columns, wanted.reshape(-1), rcond=None)
    if rank < x.shape[1]:
        return None
    times = np.round(solved)
    fits = np.abs(columns @ times - wanted.reshape(-1)) <= 4 * products.view.allowed.reshape(-1)
    if not fits.all() or np.abs(solved - times).max() > WHOLE or not np.isin(times, (0, 1)).all():
        return ()
    return tuple(int(place) for place in np.flatnonzero(times == 0))


def left_out_text(places: tuple[int, ...]) -> str:
    """Say which inputs are left out, if they are few."""
    if not 0 < len(places) <= MAX_NAMED_FEATURES:
        return ""
    return _("The sums leave out the products of input {places}.", places=listed([str(place) for place in places]))


RULES: Mapping[str, Callable[[Products], Rules]] = {
    "outputs": _outputs, "in_grad": _in_grad, "d_weight": _d_weight, "d_bias": _d_bias,
}  # fmt: skip
