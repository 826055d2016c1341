"""The ``model-token`` matcher: do the titles share a model code, and how alike are they.

Pairs fall into three cases: a shared (or contained) code, codes on both sides but none shared, no code on a side. Each
case has its own threshold on the TF-IDF cosine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from epm.decision import Decision, Outcome
from epm.errors import ConfigError
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matchers.operating_point import best_thresholds, rescaled
from epm.matchers.text_similarity import cosines, fit_vectorizer, gold_matches, title_text
from epm.pair import Pair
from epm.relation import Label

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

_WORD = re.compile(r"[^\s,;|()\[\]]+")
_MEASURE = re.compile(r"\d+(?:mm|cm|m|gb|tb|mb|kb|hz|mhz|ghz|w|v|mah|ml|l|kg|g|oz|lb|lbs|inch|in|mp|x|p|k|st|nd|rd|th|ft|pack|pk|pcs|ct)")
_MIN_CHARS = 4
_MIN_CONTAINED = 5


class TokenCase(StrEnum):
    """What the model codes of a pair's titles say."""

    SHARED = "shared"
    NONE_SHARED = "none_shared"
    MISSING = "missing"


_UNTUNED: Mapping[TokenCase, float] = {TokenCase.SHARED: 0.2, TokenCase.NONE_SHARED: 0.75, TokenCase.MISSING: 0.5}


def model_tokens(listing: Listing) -> frozenset[str]:
    """Words of the title with letters and digits, punctuation removed, that are no measures; the part number too."""
    text = f"{title_text(listing)} {listing.mpn or ''}".casefold()
    found = set()
    for word in _WORD.findall(text):
        token = "".join(c for c in word if c.isalnum())
        has_both = any(c.isdigit() for c in token) and any(c.isalpha() for c in token)
        if has_both and len(token) >= _MIN_CHARS and _MEASURE.fullmatch(token) is None:
            found.add(token)
    return frozenset(found)


def token_case(left: frozenset[str], right: frozenset[str]) -> TokenCase:
    """The case of two sets of model tokens."""
    if not left or not right:
        return TokenCase.MISSING
    if left & right or any(_contains(a, b) or _contains(b, a) for a in left for b in right):
        return TokenCase.SHARED
    return TokenCase.NONE_SHARED


def _contains(longer: str, shorter: str) -> bool:
    return len(shorter) >= _MIN_CONTAINED and shorter in longer


@dataclass(frozen=True)
class ModelTokenMatcher:
    """Matches where the cosine reaches the threshold of the pair's case; probability 0.5 stands for that threshold."""

    name: str = "model-token"
    version: str = "1"
    thresholds: Mapping[TokenCase, float] = field(default_factory=lambda: dict(_UNTUNED))
    vectorizer: TfidfVectorizer | None = None

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:  # noqa: ARG002  # part of the seam
        """One decision for each pair."""
        scores = cosines(batch, self.vectorizer or (fit_vectorizer(batch) if batch else None))
        decisions = []
        for pair, score in zip(batch, scores, strict=True):
            case = token_case(model_tokens(pair.left), model_tokens(pair.right))
            threshold = self.thresholds[case]
            label = Label.MATCH if score >= threshold else Label.NO_MATCH
            decisions.append(
                Decision(pair.id, Outcome.DECIDED, label=label, probability=rescaled(score, threshold), provenance={"case": case.value})
            )
        return decisions

    def tuned(self, valid: Sequence[Pair]) -> Self:
        """A copy with document frequencies and the three thresholds of the labelled pairs."""
        labelled, matches = gold_matches(valid)
        vectorizer = fit_vectorizer(valid)
        cases = [token_case(model_tokens(pair.left), model_tokens(pair.right)) for pair in labelled]
        chosen = best_thresholds(cosines(labelled, vectorizer), cases, matches, start={case: _UNTUNED[case] for case in TokenCase})
        return replace(self, vectorizer=vectorizer, thresholds={case: chosen[case] for case in TokenCase})


def make(arg: str | None) -> ModelTokenMatcher:
    """The matcher; it takes no argument."""
    if arg is not None:
        msg = f"matcher 'model-token' takes no argument, got {arg!r}: write 'model-token'"
        raise ConfigError(msg)
    return ModelTokenMatcher()
