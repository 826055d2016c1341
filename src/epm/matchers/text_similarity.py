"""Character TF-IDF cosine of two titles: what the ``tfidf`` and ``model-token`` matchers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

_MAX_CHARS = 2000
_GRAM_CHARS = (3, 5)


def title_text(listing: Listing) -> str:
    """The title, after the brand where the title does not name it; at most 2,000 characters."""
    title = listing.title[:_MAX_CHARS]
    if listing.brand and listing.brand.casefold() not in title.casefold():
        return f"{listing.brand[:_MAX_CHARS]} {title}"
    return title


def fit_vectorizer(pairs: Sequence[Pair]) -> TfidfVectorizer | None:
    """Document frequencies of character 3- to 5-grams in the listings of the pairs; ``None`` when they hold no text."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = sorted({title_text(side) for pair in pairs for side in (pair.left, pair.right)})
    try:
        return TfidfVectorizer(analyzer="char_wb", ngram_range=_GRAM_CHARS, sublinear_tf=True).fit(texts)
    except ValueError:  # an empty vocabulary
        return None


def cosines(pairs: Sequence[Pair], vectorizer: TfidfVectorizer | None) -> list[float]:
    """The cosine in [0, 1] of each pair's titles."""
    if not pairs or vectorizer is None:
        return [0.0] * len(pairs)
    left = vectorizer.transform([title_text(pair.left) for pair in pairs])
    right = vectorizer.transform([title_text(pair.right) for pair in pairs])
    return [min(1.0, max(0.0, float(value))) for value in left.multiply(right).sum(axis=1).A1]


def gold_matches(pairs: Sequence[Pair]) -> tuple[list[Pair], list[bool]]:
    """The labelled pairs with whether each is a match."""
    labelled = [pair for pair in pairs if pair.gold_label is not None]
    return labelled, [pair.gold_label is Label.MATCH for pair in labelled]
