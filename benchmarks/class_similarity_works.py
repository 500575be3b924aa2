"""Writes works that look as if many people had written them, and copies of them that look as if nobody had.

An independent work is put together from ways in which these functions are really written: how sizes are read, how
the border is added, which loops there are and in which order, how a window is cut and summed, and habits such as
asserts. A copy is one of these works changed so that hardly a line stays as it was.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable

HABITS = (
    "assert x.ndim == 4", "x = np.asarray(x)", "x = x.astype(np.float32)", "if x.ndim != 4:\n    raise ValueError('expected 4 axes')",
    "print(x.shape)", "eps = 1e-8", "dtype = x.dtype", "x = np.ascontiguousarray(x)", "assert p >= 0 and s > 0",
    "if s < 1:\n    s = 1", "self.inputs = x", "self.cache = (x, k, s, p)", "total = 0.0", "start = time.time()",
)  # fmt: skip
SIZES = (
    "n, c, h, w = x.shape", "n = x.shape[0]\nc = x.shape[1]\nh = x.shape[2]\nw = x.shape[3]",
    "n, c = x.shape[:2]\nh, w = x.shape[2:]", "(n, c, h, w) = np.shape(x)", "n, c, h, w = [int(v) for v in x.shape]",
    "h, w = x.shape[-2], x.shape[-1]\nn, c = x.shape[0], x.shape[1]", "shape = x.shape\nn, c, h, w = shape[0], shape[1], shape[2], shape[3]",
)  # fmt: skip
OUTPUTS = (
    "oh = (h + 2 * p - k) // s + 1\now = (w + 2 * p - k) // s + 1", "oh = int((h - k + 2 * p) / s) + 1\now = int((w - k + 2 * p) / s) + 1",
    "oh, ow = [(v + 2 * p - k) // s + 1 for v in (h, w)]", "oh = 1 + (h + 2 * p - k) // s\now = 1 + (w + 2 * p - k) // s",
    "oh = int(np.floor((h + 2 * p - k) / s + 1))\now = int(np.floor((w + 2 * p - k) / s + 1))",
    "hp = h + 2 * p\nwp = w + 2 * p\noh = (hp - k + s) // s\now = (wp - k + s) // s",
    "oh, ow = (h - k + p * 2) // s + 1, (w - k + p * 2) // s + 1",
)  # fmt: skip
BORDERS = (
    "xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))", "xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode='constant')",
    "xp = np.zeros((n, c, h + 2 * p, w + 2 * p))\nxp[:, :, p:p + h, p:p + w] = x",
    "xp = x\nif p > 0:\n    xp = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)], 'constant', constant_values=0)",
    "pad = ((0, 0),) * 2 + ((p, p),) * 2\nxp = np.pad(x, pad)",
    "xp = np.zeros(shape=(n, c, h + p + p, w + p + p), dtype=x.dtype)\nfor a in range(h):\n    for b in range(w):\n        xp[:, :, a + p, b + p] = x[:, :, a, b]",
    "xp = np.zeros([n, c, h + 2 * p, w + 2 * p], dtype=np.float32)\nxp[..., p:h + p, p:w + p] = x",
)  # fmt: skip
CUTS = (
    ("", "xp[{n}, {c}, i * s:i * s + k, j * s:j * s + k]"),
    ("top = i * s\nleft = j * s", "xp[{n}, {c}, top:top + k, left:left + k]"),
    ("i0, j0 = i * s, j * s\ni1, j1 = i0 + k, j0 + k", "xp[{n}, {c}, i0:i1, j0:j1]"),
    ("rows = slice(i * s, i * s + k)\ncols = slice(j * s, j * s + k)", "xp[{n}, {c}, rows, cols]"),
    ("h_start = i * s\nh_end = h_start + k\nw_start = j * s\nw_end = w_start + k", "xp[{n}, {c}, h_start:h_end, w_start:w_end]"),
    ("y0 = s * i\nx0 = s * j", "xp[{n}, {c}][..., y0:y0 + k, x0:x0 + k]"),
)  # fmt: skip
LAYOUTS = ("({})", "[{}]", "({}), dtype=x.dtype", "({}), dtype=np.float32", "({}), x.dtype", "shape=({})")


def _loops(chance: random.Random, names: list[str], body: str) -> str:
    """Return loops over names such as ``n:batch`` in some order, as ranges or as one loop over all."""
    outer = names[:-2]
    chance.shuffle(outer)
    pair = names[-2:] if chance.random() < 0.7 else names[-1:-3:-1]
    order = [*outer, *pair] if chance.random() < 0.75 else [*pair, *outer]
    variables, counts = [one.split(":")[0] for one in order], [one.split(":")[1] for one in order]
    style = chance.random()
    if style < 0.12:
        return f"for {', '.join(variables)} in np.ndindex({', '.join(counts)}):\n" + _indented(body)
    if style < 0.2:
        ranges = ", ".join(f"range({one})" for one in counts)
        return f"for {', '.join(variables)} in itertools.product({ranges}):\n" + _indented(body)
    for variable, count in reversed(list(zip(variables, counts, strict=True))):
        body = f"for {variable} in range({count}):\n" + _indented(body)
    return body


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())


def _zeros(chance: random.Random, name: str, sizes: str) -> str:
    maker = chance.choice(("np.zeros", "np.zeros", "np.empty"))
    return f"{name} = {maker}({chance.choice(LAYOUTS).format(sizes)})"


def _opening(chance: random.Random) -> list[str]:
    parts = [chance.choice(SIZES)]
    habits = chance.sample(HABITS, chance.choice((0, 0, 1, 1, 2)))
    return [*habits, *parts] if chance.random() < 0.5 else [*parts, *habits]


def conv_forward(chance: random.Random) -> str:
    """Return the body of a convolution, forward."""
    parts = _opening(chance)
    parts.append(
        chance.choice(
            (
                "f, k = w.shape[0], w.shape[2]",
                "f = w.shape[0]\nk = w.shape[-1]",
                "f, _, k, _ = w.shape",
                "f = len(w)\nk = self.k",
            )
        )
    )
    middle = [chance.choice(OUTPUTS), chance.choice(BORDERS)]
    chance.shuffle(middle)
    parts += [*middle, _zeros(chance, "y", "n, f, oh, ow")]
    before, cut = chance.choice(CUTS)
    per_sample, per_filter = chance.random() < 0.6, chance.random() < 0.6
    window = cut.format(n="m" if per_sample else ":", c=":")
    kernel = "w[o]" if per_filter else "w"
    if per_filter and per_sample:
        total = chance.choice(
            (
                f"np.sum({window} * {kernel})",
                f"({window} * {kernel}).sum()",
                f"({kernel} * {window}).sum()",
                f"np.dot({window}.ravel(), {kernel}.ravel())",
                f"np.vdot({kernel}, {window})",
                f"np.einsum('abc,abc->', {window}, {kernel})",
            )
        )
        if chance.random() < 0.4:
            before += f"\nwindow = {window}"
            total = total.replace(window, "window")
        target = "y[m, o, i, j]"
    elif per_filter:
        total = chance.choice(
            (
                f"np.sum({window} * {kernel}, axis=(1, 2, 3))",
                f"({window} * {kernel}).sum(axis=(1, 2, 3))",
                f"np.einsum('nabc,abc->n', {window}, {kernel})",
                f"np.tensordot({window}, {kernel}, 3)",
                f"({window} * {kernel}[None]).reshape(n, -1).sum(1)",
            )
        )
        target = "y[:, o, i, j]"
    elif per_sample:
        total = chance.choice(
            (
                f"np.sum({window} * {kernel}, axis=(1, 2, 3))",
                f"({kernel} * {window}[None]).sum((1, 2, 3))",
                f"np.tensordot({kernel}, {window}, axes=3)",
                f"{kernel}.reshape(f, -1) @ {window}.reshape(-1)",
                f"np.einsum('oabc,abc->o', {kernel}, {window})",
            )
        )
        target = "y[m, :, i, j]"
    else:
        total = chance.choice(
            (
                f"np.einsum('nabc,oabc->no', {window}, {kernel})",
                f"np.tensordot({window}, {kernel}, axes=([1, 2, 3], [1, 2, 3]))",
                f"{window}.reshape(n, -1) @ {kernel}.reshape(f, -1).T",
                f"np.dot({window}.reshape(n, -1), {kernel}.reshape(f, -1).T)",
            )
        )
        target = "y[:, :, i, j]"
    bias = "b[o]" if per_filter else "b"
    how = chance.random()
    line = (
        f"{target} = {total} + {bias}"
        if how < 0.5
        else f"{target} = {total}\n{target} += {bias}"
        if how < 0.7
        else f"{target} = {total}"
    )
    names = [*(["m:n"] if per_sample else []), *(["o:f"] if per_filter else []), "i:oh", "j:ow"]
    parts.append(_loops(chance, names, f"{before}\n{line}".strip("\n")))
    if how >= 0.7:
        parts.append(
            chance.choice(
                (
                    "y += b.reshape(1, -1, 1, 1)",
                    "y = y + b[None, :, None, None]",
                    "y += b[:, None, None]",
                    "for o in range(f):\n    y[:, o] += b[o]",
                )
            )
        )
    return "\n".join(
        [
            *parts,
            chance.choice(
                (
                    "return y",
                    "self.y = y\nreturn self.y",
                    "return y.astype(x.dtype)",
                    "return np.array(y)",
                    "return y",
                )
            ),
        ]
    )


def conv_backward(chance: random.Random) -> str:
    """Return the body of a convolution, backward."""
    parts = _opening(chance)
    parts.append(
        chance.choice(("f, k = w.shape[0], w.shape[2]", "f, _, k, _ = w.shape", "k = w.shape[3]\nf = w.shape[0]"))
    )
    parts.append(
        chance.choice(
            (
                "oh, ow = g.shape[2:]",
                "oh = g.shape[2]\now = g.shape[3]",
                "_, _, oh, ow = g.shape",
                "oh, ow = g.shape[-2:]",
            )
        )
    )
    middle = [
        chance.choice(BORDERS),
        chance.choice(
            (
                "dxp = np.zeros_like(xp)",
                "dxp = np.zeros(xp.shape)",
                "dxp = xp * 0",
                "dxp = np.zeros((n, c, h + 2 * p, w + 2 * p))",
            )
        ),
        chance.choice(("dw = np.zeros_like(w)", "dw = np.zeros(w.shape)", "dw = np.zeros((f, c, k, k))")),
    ]
    bias = chance.choice(
        (
            "db = g.sum(axis=(0, 2, 3))",
            "db = np.sum(g, axis=(0, 2, 3))",
            "db = np.zeros(f)\nfor o in range(f):\n    db[o] = g[:, o].sum()",
            "db = np.einsum('nohw->o', g)",
            "db = g.transpose(1, 0, 2, 3).reshape(f, -1).sum(1)",
        )
    )
    before, cut = chance.choice(CUTS)
    window = cut.format(n="m", c=":")
    place = window.replace("xp", "dxp")
    each = chance.choice(("g[m, o, i, j]", "g[m][o][i][j]", "d", "value"))
    lines = [f"dw[o] += {window} * {each}", f"{place} += w[o] * {each}"]
    chance.shuffle(lines)
    if chance.random() < 0.3:
        lines = [line.replace(" += ", " = " + line.split(" += ")[0] + " + ") for line in lines]
    if len(each) < 6:
        lines.insert(0, f"{each} = g[m, o, i, j]")
    if chance.random() < 0.35:
        names, body = (
            ["m:n", "i:oh", "j:ow"],
            [
                chance.choice(
                    (
                        f"dw += g[m, :, i, j][:, None, None, None] * {window}[None]",
                        f"dw += np.einsum('o,abc->oabc', g[m, :, i, j], {window})",
                        f"dw += np.tensordot(g[m, :, i, j], {window}, 0)",
                    )
                ),
                chance.choice(
                    (
                        f"{place} += np.tensordot(g[m, :, i, j], w, axes=1)",
                        f"{place} += np.sum(w * g[m, :, i, j].reshape(-1, 1, 1, 1), axis=0)",
                        f"{place} += np.einsum('o,oabc->abc', g[m, :, i, j], w)",
                    )
                ),
            ],
        )
        chance.shuffle(body)
    else:
        names, body = ["m:n", "o:f", "i:oh", "j:ow"], lines
    loops = _loops(chance, names, f"{before}\n".lstrip("\n") + "\n".join(body))
    rest = [bias, loops] if chance.random() < 0.5 else [loops, bias]
    end = chance.choice(
        (
            "dx = dxp[:, :, p:p + h, p:p + w]",
            "dx = dxp[:, :, p:h + p, p:w + p]",
            "dx = dxp[:, :, p:-p, p:-p] if p else dxp",
            "dx = dxp\nif p > 0:\n    dx = dx[:, :, p:-p, p:-p]",
        )
    )
    return "\n".join(
        [
            *parts,
            *middle,
            *rest,
            end,
            chance.choice(
                (
                    "self.dw = dw\nself.db = db\nreturn dx",
                    "self.dw, self.db = dw, db\nreturn dx",
                    "return dx, dw, db",
                    "self.grads = {'w': dw, 'b': db}\nreturn dx",
                    "self.grads['w'][...] = dw\nself.grads['b'][...] = db\nreturn dx",
                )
            ),
        ]
    )


def pool_backward(chance: random.Random) -> str:
    """Return the body of max pooling, backward."""
    parts = _opening(chance)
    parts.append(
        chance.choice(("oh, ow = g.shape[2:]", "_, _, oh, ow = g.shape", "oh = g.shape[2]\now = g.shape[3]"))
    )
    parts.append(
        chance.choice(
            ("dx = np.zeros_like(x)", "dx = np.zeros(x.shape)", "dx = np.zeros((n, c, h, w))", "dx = 0 * x")
        )
    )
    before, cut = chance.choice(CUTS)
    window = cut.format(n="m", c="ch").replace("xp", "x")
    place = window.replace("x[", "dx[", 1)
    body = chance.choice((
        f"{place} += g[m, ch, i, j] * ({window} == {window}.max())",
        f"window = {window}\nmask = window == np.max(window)\n{place} += mask * g[m, ch, i, j]",
        f"a, b = np.unravel_index({window}.argmax(), (k, k))\ndx[m, ch, i * s + a, j * s + b] += g[m, ch, i, j]",
        f"best = np.argmax({window})\ndx[m, ch, i * s + best // k, j * s + best % k] += g[m, ch, i, j]",
        f"a, b = divmod(int(np.argmax({window})), k)\ndx[m, ch, i * s + a, j * s + b] += g[m, ch, i, j]",
        f"window = {window}\nbiggest = window[0, 0]\npa, pb = 0, 0\nfor a in range(k):\n    for b in range(k):\n        if window[a, b] > biggest:\n            biggest = window[a, b]\n            pa, pb = a, b\ndx[m, ch, i * s + pa, j * s + pb] += g[m, ch, i, j]",
        f"flat = {window}.reshape(-1)\nhot = np.zeros_like(flat)\nhot[flat.argmax()] = g[m, ch, i, j]\n{place} += hot.reshape(k, k)",
        f"where = np.where({window} == np.amax({window}))\ndx[m, ch, i * s + where[0][0], j * s + where[1][0]] += g[m, ch, i, j]",
    ))  # fmt: skip
    parts.append(_loops(chance, ["m:n", "ch:c", "i:oh", "j:ow"], f"{before}\n{body}".lstrip("\n")))
    return "\n".join([*parts, chance.choice(("return dx", "self.dx = dx\nreturn dx", "return dx.astype(x.dtype)"))])


WRITERS: dict[str, Callable[[random.Random], str]] = {
    "conv_forward": conv_forward, "conv_backward": conv_backward, "pool_backward": pool_backward,
}  # fmt: skip


class _Renamed(ast.NodeTransformer):
    """Gives every name that a body assigns another one."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename one name."""
        node.id = self.names.get(node.id, node.id)
        return node


class _Comprehended(ast.NodeTransformer):
    """Makes an innermost loop that only assigns one entry each time a comprehension."""

    def visit_For(self, node: ast.For) -> ast.AST:
        """Change one loop, the inner ones first."""
        self.generic_visit(node)
        body = node.body
        last = body[-1] if body else None
        if not isinstance(last, ast.Assign | ast.AugAssign) or any(isinstance(one, ast.For) for one in body):
            return node
        target = last.targets[0] if isinstance(last, ast.Assign) else last.target
        if not isinstance(target, ast.Subscript) or not isinstance(target.slice, ast.Tuple):
            return node
        values = {
            one.targets[0].id: one.value
            for one in body[:-1]
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
        }
        if len(values) != len(body) - 1:
            return node
        value = _Filled(values).visit(_Filled(values).visit(last.value))
        made = ast.ListComp(value, [ast.comprehension(node.target, node.iter, [], 0)])
        names = {one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)}
        whole = [ast.Slice() if isinstance(one, ast.Name) and one.id in names else one for one in target.slice.elts]
        target.slice.elts = whole
        last.value = made
        return last


class _Filled(ast.NodeTransformer):
    """Puts values in the place of names."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace one name."""
        return self.values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def renamed(body: str, chance: random.Random) -> str:
    """Return a body with other names."""
    tree = ast.parse(body)
    own = sorted({one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)})
    return ast.unparse(_Renamed({name: f"{name}_{chance.randrange(100)}" for name in own}).visit(tree))


def reordered(body: str, chance: random.Random) -> str:
    """Return a body in which neighbouring lines that do not need one another have changed places."""
    tree = ast.parse(body)
    for block in [one.body for one in ast.walk(tree) if isinstance(one, ast.Module | ast.For | ast.If)]:
        for number in range(len(block) - 1):
            if _independent(block[number], block[number + 1]) and chance.random() < 0.8:
                block[number], block[number + 1] = block[number + 1], block[number]
    return ast.unparse(tree)


def _independent(first: ast.stmt, second: ast.stmt) -> bool:
    if isinstance(first, ast.Return) or isinstance(second, ast.Return):
        return False
    uses = [{one.id for one in ast.walk(node) if isinstance(one, ast.Name)} for node in (first, second)]
    sets = [
        {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        | {
            one.value.id
            for one in ast.walk(node)
            if isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Store) and isinstance(one.value, ast.Name)
        }
        for node in (first, second)
    ]
    return not (sets[0] & uses[1] or sets[1] & uses[0])


def reformatted(body: str, chance: random.Random) -> str:
    """Return a body with other blanks, comments and line breaks."""
    lines = []
    for line in ast.unparse(ast.parse(body)).splitlines():
        if chance.random() < 0.3:
            lines.append(" " * (len(line) - len(line.lstrip())) + f"# step {chance.randrange(100)}")
        # Within brackets a line may break anywhere.
        broken = re.sub(r"(\([^()]*,) ", r"\1\n" + " " * 12, line, count=1)
        lines.append(broken if chance.random() < 0.3 else line)
        if chance.random() < 0.2:
            lines.append("")
    return "\n".join(lines)


def comprehended(body: str, chance: random.Random) -> str:
    """Return a body whose innermost loops have become comprehensions."""
    return ast.unparse(ast.fix_missing_locations(_Comprehended().visit(ast.parse(body))))


def all_of_it(body: str, chance: random.Random) -> str:
    """Return a body changed in all four ways."""
    return reformatted(renamed(reordered(comprehended(body, chance), chance), chance), chance)


CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "renamed": renamed, "reordered": reordered, "reformatted": reformatted, "comprehensions": comprehended,
    "all four": all_of_it,
}  # fmt: skip
