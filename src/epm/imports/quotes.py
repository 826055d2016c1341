"""Finding a model's quote in a listing, so that what is kept stands there word for word."""

from __future__ import annotations

from collections.abc import Iterator

from epm.listing import Listing


def anchor(quote: str, listing: Listing) -> str | None:
    """The verbatim span of the listing that the quote stands for; ``None`` when there is none.

    A quote that stands in a field exactly is itself. Otherwise letters and digits alone are compared, without case,
    and the span from the first to the last of them is returned. Spans between whole words win over spans inside words.
    """
    texts = list(listing.texts().values())
    if any(quote in text for text in texts):
        return quote
    needle = "".join(char for char, _ in _letters(quote))
    if not needle:
        return None
    inside_words: str | None = None
    for text in texts:
        for span, is_whole in _spans(needle, text):
            if is_whole:
                return span
            inside_words = inside_words or span
    return inside_words


def _spans(needle: str, text: str) -> Iterator[tuple[str, bool]]:
    letters = list(_letters(text))
    squashed = "".join(char for char, _ in letters)
    at = squashed.find(needle)
    while at >= 0:
        start, end = letters[at][1], letters[at + len(needle) - 1][1] + 1
        is_whole = not (start > 0 and text[start - 1].isalnum()) and not (end < len(text) and text[end].isalnum())
        yield text[start:end], is_whole
        at = squashed.find(needle, at + 1)


def _letters(text: str) -> Iterator[tuple[str, int]]:
    """Each letter or digit in lower case with its place; a letter whose lower case is longer keeps its first sign only."""
    for place, char in enumerate(text):
        if char.isalnum():
            yield char.lower()[0], place
