"""The sample is too hard for string similarity, and its answer is in the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from epm.relation import Label
from epm.sample import SamplePair, World

MAX_TFIDF_F1 = 0.70


def test_character_tfidf_with_a_threshold_from_valid_stays_at_or_below_070(sample_of: Callable[[World], tuple[SamplePair, ...]]) -> None:
    valid, test = sample_of(World.TRAIN), sample_of(World.TEST)
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 5)).fit(_texts(valid, "left") + _texts(valid, "right"))
    valid_scores, test_scores = _cosines(vectorizer, valid), _cosines(vectorizer, test)
    threshold = max(np.unique(valid_scores), key=lambda value: _f1(_labels(valid), valid_scores >= value))
    assert _f1(_labels(test), test_scores >= threshold) <= MAX_TFIDF_F1
    assert max(_f1(_labels(test), test_scores >= value) for value in np.unique(test_scores)) <= MAX_TFIDF_F1


def test_what_both_texts_say_decides_the_label_by_three_plain_rules(all_pairs: tuple[SamplePair, ...]) -> None:
    """A reader that knows only the cells, not the relation, gets every label right: noise destroys no answer."""
    for sample in all_pairs:
        core, variant = sample.rationale.core, sample.rationale.variant
        cells = {c.attribute: c for c in (*core.comparisons, *variant.comparisons)}
        differs = any(c.verdict == "different" for c in cells.values())
        one_sided = {name for name, c in cells.items() if None in (c.left, c.right)}
        new_words = {"new", "brand new", "neu", "fabrikneu", "neuf", "nuevo", "nuovo"}
        says_other = bool({"pack", "bundle", "compatibility"} & one_sided) or (
            "condition" in one_sided and (cells["condition"].left or cells["condition"].right).casefold() not in new_words
        )
        silence = None if {"size", "capacity"} & one_sided else Label.MATCH
        expected = Label.NO_MATCH if differs or says_other else silence
        assert sample.pair.gold_label == expected, sample


def _texts(sample: Sequence[SamplePair], side: str) -> list[str]:
    listings = [getattr(pair.pair, side) for pair in sample]
    return [" ".join(text for text in (listing.title, listing.brand) if text) for listing in listings]


def _cosines(vectorizer: TfidfVectorizer, sample: Sequence[SamplePair]) -> np.ndarray:
    left, right = (vectorizer.transform(_texts(sample, side)) for side in ("left", "right"))
    return np.asarray(left.multiply(right).sum(axis=1)).ravel()


def _labels(sample: Sequence[SamplePair]) -> np.ndarray:
    return np.array([pair.pair.gold_label == Label.MATCH for pair in sample])


def _f1(gold: np.ndarray, said: np.ndarray) -> float:
    return 2 * np.sum(gold & said) / (np.sum(gold) + np.sum(said))
