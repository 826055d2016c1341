"""What the words of a label column mean."""

from __future__ import annotations

from collections.abc import Mapping

from epm.tables.mapping import LabelWord

_MATCH = (
    "match", "1", "1.0", "true", "yes", "y", "same", "identical", "equal", "duplicate", "positive", "matched",
    "same product", "same item", "ok", "✓", "✔",
    "ja", "j", "wahr", "gleich", "identisch", "treffer", "oui", "vrai", "identique", "même", "sí", "si", "verdadero", "igual", "idéntico",
    "vero", "sì", "uguale", "identico", "예", "네", "일치", "같음", "동일", "같은 상품", "동일 상품", "동일상품", "같은상품",
)  # fmt: skip
_NO_MATCH = (
    "no_match", "no match", "nomatch", "non-match", "non_match", "no-match", "mismatch", "not a match", "0", "0.0", "false", "no", "n", "different", "negative",
    "different product", "different item", "not identical", "not equal", "not same", "not the same", "non-duplicate", "not duplicate", "ko", "nok", "✗", "✘",
    "nein", "falsch", "ungleich", "verschieden", "anders", "kein treffer", "nicht gleich", "nicht identisch", "non", "pas identique", "faux", "différent", "falso", "distinto", "diferente",
    "diverso", "아니오", "아니요", "불일치", "다름", "다른 상품", "다른상품",
)  # fmt: skip
_KNOWN: Mapping[str, LabelWord] = {**dict.fromkeys(_MATCH, "match"), **dict.fromkeys(_NO_MATCH, "no_match")}


def label_key(word: str) -> str:
    """The form in which label words are compared: without case, outer blanks and a full stop at the end."""
    return " ".join(word.casefold().split()).removesuffix(".")


def known_label(word: str) -> LabelWord | None:
    """The usual meaning of a label word, or ``None`` if people have to say it."""
    return _KNOWN.get(label_key(word))
