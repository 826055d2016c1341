"""Thresholds chosen on labelled scores, and the rescaling that puts a threshold at probability 0.5."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

_ROUNDS = 4
NEVER = 10.0
"""A threshold that no score reaches."""


def rescaled(score: float, threshold: float) -> float:
    """The score moved so that ``threshold`` becomes 0.5: monotone, [0, 1] stays [0, 1].

    A threshold above 1 (never a match) maps every score below 0.5.
    """
    if score < threshold or threshold >= 1:
        return min(0.5 * score / threshold, 0.4999) if threshold > 0 else 0.0
    return min(1.0, 0.5 + 0.5 * (score - threshold) / (1 - threshold))


def best_threshold(
    scores: Sequence[float], labels: Sequence[bool], *, n_true_before: int = 0, n_false_before: int = 0, n_missed_before: int = 0
) -> float:
    """The threshold with the best F1 (``score >= threshold`` is a match), half-way between two scores.

    The counts before are those of pairs decided otherwise: F1 is taken over all of them together. Of equal thresholds the
    highest wins. Without any positive the answer is above every score.
    """
    ranked = sorted(zip(scores, labels, strict=True), reverse=True)
    n_positive = sum(labels) + n_true_before + n_missed_before
    n_true, n_false = n_true_before, n_false_before
    best_f1, best = f1_of_counts(n_true, n_false, n_positive), NEVER
    for place, (score, label) in enumerate(ranked):
        n_true, n_false = n_true + label, n_false + (not label)
        following = ranked[place + 1][0] if place + 1 < len(ranked) else min(0.0, score)
        if following == score and place + 1 < len(ranked):
            continue
        f1 = f1_of_counts(n_true, n_false, n_positive)
        if f1 > best_f1:
            best_f1, best = f1, (score + following) / 2
    return best


def best_thresholds(
    scores: Sequence[float], cases: Sequence[Hashable], labels: Sequence[bool], *, start: Mapping[Hashable, float]
) -> dict[Hashable, float]:
    """One threshold for each case, chosen for the best F1 of all cases together, one case after the other, repeatedly.

    A pair whose case has no start threshold is never a match.
    """
    thresholds = dict(start)
    for _ in range(_ROUNDS):
        before = dict(thresholds)
        for case in thresholds:
            inside = [i for i, other in enumerate(cases) if other == case]
            if not inside:
                continue
            outside = [i for i, other in enumerate(cases) if other != case]
            matched = [i for i in outside if cases[i] in thresholds and scores[i] >= thresholds[cases[i]]]
            n_true = sum(labels[i] for i in matched)
            thresholds[case] = best_threshold(
                [scores[i] for i in inside], [labels[i] for i in inside], n_true_before=n_true,
                n_false_before=len(matched) - n_true, n_missed_before=sum(labels[i] for i in outside) - n_true,
            )  # fmt: skip
        if thresholds == before:
            break
    return thresholds


def f1_of_counts(n_true: int, n_false: int, n_positive: int) -> float:
    """F1 from true and false positives and the number of positives; 0 without any true positive."""
    return 2 * n_true / (n_true + n_false + n_positive) if n_true else 0.0
