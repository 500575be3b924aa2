"""Makes the mutants of a lab: one change in one hole each, no two of them the same program."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.project.contract import Lab
from grader.project.holes import Hole, holes
from grader.publishing.mutants.rules import RULES
from grader.publishing.variation import scored_holes

DIGEST_CHARACTERS = 8


@dataclass(frozen=True)
class Mutant:
    """A solution with one change.

    Attributes
    ----------
    id : hole, rule and a hash of the changed line: the same as long as that line stays as it is.
    words : what was changed, without text of the solution.
    before, after : the changed lines, for the author.
    source : the whole file with the change.
    """

    id: str
    file: str
    hole: str
    line: int
    words: str
    before: str
    after: str
    source: str

    @property
    def rule(self) -> str:
        """The name of the rule that made it."""
        return self.id.split("/")[1]


def mutants_of(lab: Lab, reference: Path) -> list[Mutant]:
    """Return the mutants of all scored holes, in the order of the solution.

    Raises
    ------
    SkeletonError : the marks of a file do not fit together.
    """
    scored = set(scored_holes(lab))
    found: dict[str, Mutant] = {}
    for handed in lab.facts.files:
        source = (reference / handed.path).read_text(encoding="utf-8")
        seen = {ast.dump(ast.parse(source))}
        for hole in holes(source, handed.path):
            if hole.name not in scored:
                continue
            for mutant in _distinct(_of_hole(source, handed.path, hole), seen):
                found.setdefault(mutant.id, mutant)
    return list(found.values())


def mutants_in(source: str, file: str, hole: Hole) -> list[Mutant]:
    """Return the mutants of one region of a file, no two of them the same program."""
    return list(_distinct(_of_hole(source, file, hole), {ast.dump(ast.parse(source))}))


def _distinct(mutants: Iterable[Mutant], seen: set[str]) -> Iterator[Mutant]:
    """Yield those whose programs are not among ``seen``, which grows."""
    for mutant in mutants:
        tree = _tree(mutant.source)
        if tree is not None and tree not in seen:
            seen.add(tree)
            yield mutant


def chosen(mutants: Sequence[Mutant], number: int | None) -> list[Mutant]:
    """Return so many of the mutants, evenly over holes and rules, in the order in which they were made.

    Each pair of a hole and a rule gives one in turn, in the order of hashes of the ids, until there are enough: the
    same ones whenever it is asked, and more of them if more are asked for.
    """
    if number is None or number >= len(mutants):
        return list(mutants)
    groups: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in sorted(mutants, key=_lot):
        groups.setdefault((mutant.hole, mutant.rule), []).append(mutant)
    turns = [(turn, mutant) for found in groups.values() for turn, mutant in enumerate(found)]
    turns.sort(key=lambda item: (item[0], _lot(item[1])))
    taken = {mutant.id for _, mutant in turns[:number]}
    return [mutant for mutant in mutants if mutant.id in taken]


def _lot(mutant: Mutant) -> str:
    return hashlib.sha256(mutant.id.encode()).hexdigest()


def _tree(source: str) -> str | None:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None


def _of_hole(source: str, file: str, hole: Hole) -> Iterator[Mutant]:
    lines = source.splitlines()
    nodes = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.expr | ast.stmt)
        and hole.line < node.lineno
        and (node.end_lineno or 0) < hole.end_line
    ]
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        for rule in RULES:
            for words, text in rule(node):
                yield _mutant(lines, file, hole, node, rule.__name__, words, text)


def _mutant(
    lines: Sequence[str], file: str, hole: Hole, node: ast.expr | ast.stmt, rule: str, words: str, text: str
) -> Mutant:
    # Places in a syntax tree count bytes.
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head = lines[first].encode()[: node.col_offset].decode()
    tail = lines[last].encode()[node.end_col_offset :].decode()
    indentation = head[: len(head) - len(head.lstrip())]
    fresh = (head + text.replace("\n", f"\n{indentation}") + tail).splitlines()
    before = " ".join(line.strip() for line in lines[first : last + 1])
    after = " ".join(line.strip() for line in fresh)
    key = f"{before}\n{after}\n{_occurrence(lines, hole, first)}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:DIGEST_CHARACTERS]
    source = "\n".join([*lines[:first], *fresh, *lines[last + 1 :]]) + "\n"
    return Mutant(f"{hole.name}/{rule}/{digest}", file, hole.name, first + 1, words, before, after, source)


def _occurrence(lines: Sequence[str], hole: Hole, number: int) -> int:
    """Return how many equal lines stand above this one in the hole."""
    return sum(line.strip() == lines[number].strip() for line in lines[hole.line : number])
