"""Who wrote alike: works compared hole by hole, each coincidence weighed by how rare it is.

Short holes are alike by nature, and everybody writes the formula: what counts is not how much of a text another
has, but what hardly anybody else has. Each fingerprint of a hole (copydetect: winnowing, S. Schleimer, D.
Wilkerson and A. Aiken 2003, on text without names, comments and blanks) that two works share weighs -ln(share
of all works that have it), nothing where more than a tenth have it or it stands in the skeleton. So does a
mistake that both made. The sum is a surprise in nats: a reason to look, never a verdict.
"""

from __future__ import annotations

import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from grader.cohort.view.holes import Region

if TYPE_CHECKING:
    from copydetect import CodeFingerprint

# Characters of filtered text in a fingerprint, and of how many neighbours one is kept. Chosen by
# `benchmarks.class_similarity`: shorter ones are no longer rare, longer ones do not survive a change of order.
FINGERPRINT_CHARACTERS, WINDOW = 16, 1
# Of filtered text; less in a hole says nothing.
MIN_CHARACTERS = 120
# What more works than this share have is common.
COMMON = 0.1
MIN_HOLDERS = 2
# Pairs are looked for among fingerprints that so many have at most: beyond, a pair has rarer ones as well.
MAX_HOLDERS = 40
TOP_SHARE = 0.01
# More than anybody reads; each is a page.
MAX_PAIRS = 200


@dataclass(frozen=True)
class Work:
    """One work: its name, what stands in each hole, and its mistakes. ``own`` works are of this class."""

    name: str
    bodies: Mapping[Region, str]
    mistakes: frozenset[str] = frozenset()
    own: bool = True


@dataclass(frozen=True)
class Alike:
    """One hole of a pair: its surprise, and the parts of both texts, each with whether it is shared and rare."""

    region: Region
    surprise: float
    texts: tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]


@dataclass(frozen=True)
class Pair:
    """Two works that have in common what hardly anybody else has.

    Attributes
    ----------
    first, second : names of the works.
    surprise : of texts and mistakes together, in nats.
    mistakes : rare mistakes that both made, with the surprise of each.
    holes : where the texts are alike, the most surprising first.
    """

    first: str
    second: str
    surprise: float
    mistakes: tuple[tuple[str, float], ...]
    holes: tuple[Alike, ...]


@dataclass(frozen=True)
class Similarity:
    """What was compared and found.

    Attributes
    ----------
    works : how many, and ``others`` how many of these are not of this class.
    pairs : those to look at, with shared rare mistakes first, then by surprise.
    too_short : hole to how many works have too little in it to say anything.
    typical : surprise that 99 of 100 of all pairs have at most.
    unread : whose files are gone or cannot be graded; they are in no pair.
    """

    works: int
    others: int
    pairs: tuple[Pair, ...]
    too_short: Mapping[str, int]
    typical: float
    unread: tuple[str, ...] = ()


@dataclass
class _Corpus:
    """The fingerprints of one region: of each work, and how many have each."""

    region: Region
    prints: dict[int, CodeFingerprint] = field(default_factory=dict)
    hashes: dict[int, frozenset[int]] = field(default_factory=dict)
    holders: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    too_short: int = 0


def compare_works(
    works: Sequence[Work], right: Iterable[Mapping[Region, str]] = (), most: int | None = None
) -> Similarity:
    """Compare works with each other, but those that are not of this class only with those that are.

    ``right`` are right solutions, whose text is nobody's: what they have makes a fingerprint more common. ``most``
    pairs are returned, by default one of a hundred, at most `MAX_PAIRS`.
    """
    regions = list(dict.fromkeys(region for work in works for region in work.bodies))
    variants = list(right)
    corpora = [_corpus(region, works, variants) for region in regions]
    limit = max(MIN_HOLDERS, COMMON * len(works))
    scores: dict[tuple[int, int], float] = defaultdict(float)
    for corpus in corpora:
        for holders in corpus.holders.values():
            _add(scores, holders, works, len(works), min(limit, MAX_HOLDERS))
    made: dict[str, list[int]] = defaultdict(list)
    for number, work in enumerate(works):
        for mistake in work.mistakes:
            made[mistake].append(number)
    for holders in made.values():
        _add(scores, holders, works, len(works), min(limit, MAX_HOLDERS))
    count = len(works) * (len(works) - 1) // 2
    wanted = min(MAX_PAIRS, max(1, math.ceil(TOP_SHARE * count))) if most is None else most
    best = sorted(scores, key=lambda pair: -scores[pair])[:wanted]
    pairs = [_pair(first, second, works, corpora, made, limit) for first, second in best]
    pairs.sort(key=lambda pair: (not pair.mistakes, -pair.surprise))
    ranked = sorted(scores.values(), reverse=True)
    place = math.ceil(TOP_SHARE * count)
    return Similarity(
        len(works),
        sum(not work.own for work in works),
        tuple(pairs),
        {corpus.region.name: corpus.too_short for corpus in corpora if corpus.too_short},
        ranked[place] if place < len(ranked) else 0.0,
    )


def _corpus(region: Region, works: Sequence[Work], variants: Sequence[Mapping[Region, str]]) -> _Corpus:
    corpus, given = _Corpus(region), _hashes(fingerprint(region.given))
    for number, work in enumerate(works):
        if region not in work.bodies:
            continue
        found = fingerprint(work.bodies[region])
        if len(found.filtered_code) < MIN_CHARACTERS:
            corpus.too_short += 1
            continue
        corpus.prints[number] = found
        corpus.hashes[number] = _hashes(found) - given
        for value in corpus.hashes[number]:
            corpus.holders[value].append(number)
    known = Counter(value for own in variants if region in own for value in _hashes(fingerprint(own[region])))
    for value, times in known.items():
        if value in corpus.holders:
            # Nobody's: it only makes the fingerprint more common.
            corpus.holders[value] += [-1] * times
    return corpus


@lru_cache(maxsize=1 << 16)
def fingerprint(body: str) -> CodeFingerprint:
    """Return the fingerprints of a text, without names, comments and blanks."""
    from copydetect import CodeFingerprint

    return CodeFingerprint(
        "hole.py", FINGERPRINT_CHARACTERS, WINDOW, filter=True, language="python", fp=io.StringIO(body)
    )


def _hashes(found: CodeFingerprint) -> frozenset[int]:
    return frozenset(int(value) for value in found.hashes)


def _weight(holders: Sequence[int], count: int, limit: float) -> float:
    """Return the surprise of what these have, 0 if it is common; 1 in ``count`` would be the greatest."""
    return -math.log(len(holders) / count) if MIN_HOLDERS <= len(holders) <= limit else 0.0


def _add(
    scores: dict[tuple[int, int], float], holders: Sequence[int], works: Sequence[Work], count: int, limit: float
) -> None:
    weight = _weight(holders, count, limit)
    if weight <= 0:
        return
    for first, second in combinations([number for number in holders if number >= 0], 2):
        if works[first].own or works[second].own:
            scores[first, second] += weight


def _pair(
    first: int,
    second: int,
    works: Sequence[Work],
    corpora: Sequence[_Corpus],
    made: Mapping[str, Sequence[int]],
    limit: float,
) -> Pair:
    alike = []
    for corpus in corpora:
        shared = corpus.hashes.get(first, frozenset()) & corpus.hashes.get(second, frozenset())
        weights = {value: _weight(corpus.holders[value], len(works), limit) for value in shared}
        rare = {value for value, weight in weights.items() if weight > 0}
        if rare:
            texts = tuple(_parts(corpus.prints[number], rare) for number in (first, second))
            alike.append(Alike(corpus.region, sum(weights.values()), (texts[0], texts[1])))
    alike.sort(key=lambda one: -one.surprise)
    mistakes = [
        (name, weight)
        for name in sorted(works[first].mistakes & works[second].mistakes)
        if (weight := _weight(made[name], len(works), limit)) > 0
    ]
    total = sum(one.surprise for one in alike) + sum(weight for _name, weight in mistakes)
    return Pair(works[first].name, works[second].name, total, tuple(mistakes), tuple(alike))


def _parts(found: CodeFingerprint, rare: Iterable[int]) -> tuple[tuple[str, bool], ...]:
    """Return a text in parts, each with whether one of the rare fingerprints covers it."""
    covered = np.zeros(len(found.raw_code), dtype=bool)
    # Where each filtered character stands in the text: what was removed before it is noted at each removal.
    places = np.arange(len(found.filtered_code) + 1)
    if len(found.offsets):
        removed = found.offsets[:, 1][
            np.clip(np.searchsorted(found.offsets[:, 0], places, side="right") - 1, 0, len(found.offsets) - 1)
        ]
        places = places + removed
    for value in rare:
        for start in found.hash_idx.get(value, ()):
            end = min(int(start) + FINGERPRINT_CHARACTERS, len(places) - 1)
            covered[places[int(start)] : places[end]] = True
    parts: list[tuple[str, bool]] = []
    edges = [0, *(np.flatnonzero(np.diff(covered)) + 1).tolist(), len(covered)]
    for start, end in pairwise(edges):
        if end > start:
            parts.append((found.raw_code[start:end], bool(covered[start])))
    return tuple(parts)
