"""The ``tfidf`` matcher: character TF-IDF cosine of the titles, the baseline everything must beat.

Document frequencies come from the validation pairs once tuned, else from the batch, so an untuned answer depends on the
batch it came in; batches of one file are decided in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from epm.decision import Decision, Outcome
from epm.errors import ConfigError
from epm.matcher import MatchContext
from epm.matchers.operating_point import best_threshold, rescaled
from epm.matchers.text_similarity import cosines, fit_vectorizer, gold_matches
from epm.pair import Pair
from epm.relation import Label

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer


@dataclass(frozen=True)
class TfidfMatcher:
    """Matches where the cosine reaches ``threshold``; probability 0.5 stands for the threshold."""

    name: str = "tfidf"
    version: str = "1"
    threshold: float = 0.5
    vectorizer: TfidfVectorizer | None = None

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:  # noqa: ARG002  # part of the seam
        """One decision for each pair."""
        scores = cosines(batch, self.vectorizer or (fit_vectorizer(batch) if batch else None))
        decisions = []
        for pair, score in zip(batch, scores, strict=True):
            label = Label.MATCH if score >= self.threshold else Label.NO_MATCH
            decisions.append(Decision(pair.id, Outcome.DECIDED, label=label, probability=rescaled(score, self.threshold)))
        return decisions

    def tuned(self, valid: Sequence[Pair]) -> Self:
        """A copy with document frequencies and the threshold of the labelled pairs."""
        labelled, matches = gold_matches(valid)
        vectorizer = fit_vectorizer(valid)
        return replace(self, vectorizer=vectorizer, threshold=best_threshold(cosines(labelled, vectorizer), matches))


def make(arg: str | None) -> TfidfMatcher:
    """The matcher; it takes no argument."""
    if arg is not None:
        msg = f"matcher 'tfidf' takes no argument, got {arg!r}: write 'tfidf'"
        raise ConfigError(msg)
    return TfidfMatcher()
