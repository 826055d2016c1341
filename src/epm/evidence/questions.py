"""Questions about decisive, ambiguous attributes of a pair, and their answers from texts about the same entity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from epm.evidence.atoms import Value
from epm.evidence.engine import compare_listings, read_texts
from epm.evidence.normalise import squeeze
from epm.evidence.parsed import ParsedListing
from epm.rationale import Verdict
from epm.relation import Relation

MAX_QUESTIONS = 3
ASKED_ATTRIBUTES = ("capacity", "size", "colour", "region", "generation", "model")
"""Attributes of the product itself; pack, bundle and condition belong to one offer, so no other text can answer them."""
UNKNOWN_ANSWER = "unknown"
_MAX_TITLE_CHARS = 80
_MAX_KEY_CHARS = 90
_MAX_QUESTION_CHARS = 400
_OPENING = "What is the "


@dataclass(frozen=True, slots=True)
class Question:
    """One self-contained question about the listing of one side."""

    attribute: str
    entity: str
    side: str
    question: str


def entity_key(listing: ParsedListing) -> str:
    """The product a listing speaks of: ``brand:code``, or ``brand:name words`` without a code."""
    brand = listing.first("brand")
    codes = (*listing.of("mpn"), *listing.of("model"))
    name = codes[0].key if codes else " ".join(sorted(word.key for word in listing.names)[:4])
    return f"{brand.key[:_MAX_KEY_CHARS] if brand else ''}:{name[:_MAX_KEY_CHARS]}"


def ask(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[Question, ...]:
    """At most three questions: stated on one side, silent on the other, where the core may be the same."""
    sides = {"left": read_texts(left), "right": read_texts(right)}
    evidence = compare_listings(sides["left"], sides["right"])
    if evidence.relation in {Relation.DIFFERENT, Relation.ACCESSORY_FOR, Relation.UNDECIDABLE}:
        return ()
    titles = {"left": left.get("title", ""), "right": right.get("title", "")}
    found = []
    for attribute in ASKED_ATTRIBUTES:
        atom = next((a for a in evidence.atoms if a.attribute == attribute and (a.left is None) != (a.right is None)), None)
        if atom is not None:
            side = "left" if atom.left is None else "right"
            title = " ".join(titles[side][: 4 * _MAX_TITLE_CHARS].split())[:_MAX_TITLE_CHARS]
            text = f"{_OPENING}{attribute} of the product {title!r}?"[:_MAX_QUESTION_CHARS]
            found.append(Question(attribute, entity_key(sides[side]), side, text))
    return tuple(found[:MAX_QUESTIONS])


def asked_attribute(question: str) -> str | None:
    """The attribute that a question of :func:`ask` is about, ``None`` for other wordings."""
    return question[len(_OPENING) :].partition(" ")[0] if question.startswith(_OPENING) else None


def answer_from_texts(entity: str, attribute: str, texts: Sequence[tuple[str, str]]) -> tuple[str, tuple[str, ...]]:
    """The answer that texts (id, text) about the same entity agree on, with the ids that state it, else ``unknown``."""
    stated: list[tuple[str, Value]] = []
    for source, text in texts:
        listing = read_texts({"title": text})
        value = listing.first(attribute)
        if value is not None and is_same_entity(entity, listing):
            stated.append((source, value))
    if not stated or len({value.key for _, value in stated}) > 1:
        return UNKNOWN_ANSWER, ()
    return stated[0][1].span.quote, tuple(dict.fromkeys(source for source, _ in stated))


def is_same_entity(entity: str, listing: ParsedListing) -> bool:
    """True if a listing names the entity's brand and its model code; names without a code identify nothing."""
    brand, _, code = entity.partition(":")
    if not brand or not any(c.isdigit() for c in code) or " " in code:
        return False
    own_brand = listing.first("brand")
    names_brand = brand in listing.grams or (own_brand is not None and own_brand.key == brand)
    return names_brand and (code in listing.grams or any(v.key == code for v in (*listing.of("model"), *listing.of("mpn"))))


def agreement(value: Value, answer: str) -> Verdict:
    """Whether an answer says what a value says: read like a listing's attribute of that name."""
    answered = read_texts({"title": answer, f"attributes.{value.attribute}": answer}).of(value.attribute)
    if not answered:
        return Verdict.SAME if squeeze(answer) == squeeze(value.span.quote) else Verdict.UNKNOWN
    return Verdict.SAME if any(v.key == value.key for v in answered) else Verdict.DIFFERENT
