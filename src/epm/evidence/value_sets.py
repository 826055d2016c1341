"""Value sets and where words stand: what the rules of every attribute share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from epm.evidence.atoms import Atom, Value
from epm.evidence.parsed import ParsedListing
from epm.rationale import Verdict

STRONG = "strong"
"""The trust of a phrase that can mean nothing else."""


def same_key(left: Value, right: Value) -> bool:
    """True if two values have one key."""
    return left.key == right.key


def value_sets(
    attribute: str, left: Sequence[Value], right: Sequence[Value], is_same: Callable[[Value, Value], bool], rule: str
) -> tuple[Atom, ...]:
    """Two sets of values agree if one holds the other; leftovers on both sides are a conflict."""
    if not left or not right:
        return () if not left and not right else (Atom(attribute, head(left), head(right), rule, Verdict.UNKNOWN, 0.0),)
    left_rest = [a for a in left if not any(is_same(a, b) for b in right)]
    right_rest = [b for b in right if not any(is_same(b, a) for a in left)]
    if left_rest and right_rest:
        return (Atom(attribute, left_rest[0], right_rest[0], rule, Verdict.DIFFERENT, 0.9),)
    for a in left:
        for b in right:
            if is_same(a, b):
                return (Atom(attribute, a, b, rule, Verdict.SAME, 0.5),)
    return ()


def head(values: Sequence[Value]) -> Value | None:
    """The first value, if any."""
    return values[0] if values else None


def find_written(listing: ParsedListing, key: str, attribute: str) -> Value | None:
    """The place in the title where up to four words together spell a key."""
    title = listing.title
    if title is None or not key:
        return None
    for first, word in enumerate(title.words):
        joined = ""
        for last in title.words[first : first + 4] if key.startswith(word.key) else ():
            joined += last.key
            if joined == key:
                return title.value(attribute, key, (word.start, last.end), f"{attribute}-written")
    return None
