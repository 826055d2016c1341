"""What one person says of one item, checked before it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from epm.errors import DataError
from epm.identity import IdentityRule
from epm.relation import Label, Relation

MAX_RATER_CHARS = 64


class Answer(StrEnum):
    """What a person can say; ``unsure`` is an answer and no label."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNSURE = "unsure"

    def label(self) -> Label | None:
        """The label, or ``None`` for ``unsure``."""
        return None if self is Answer.UNSURE else Label(self.value)


@dataclass(frozen=True, slots=True)
class Review:
    """One rater's answer; a rater answers an item once. ``created_at_s`` is UTC epoch seconds."""

    run_id: str
    item_id: str
    rater: str
    answer: Answer
    relation: Relation | None
    note: str | None
    created_at_s: float


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it was given, before it is a rater's on an item."""

    answer: Answer
    relation: Relation | None = None
    note: str | None = None


def read_answer(label: str, relation: str, note: str, identity: IdentityRule) -> Said | None:
    """What the three texts say, ``None`` when label and relation are empty; a relation alone says its label.

    Raises:
        DataError: an unknown label or relation, a relation that the identity rule gives another label, or a note without an answer.
    """
    label, relation, note = label.strip(), relation.strip(), note.strip()
    if not label and not relation:
        if note:
            raise DataError(f"has a note {note[:60]!r} and no label: write one of {', '.join(Answer)}, or empty the note")
        return None
    if label and label not in set(Answer):
        raise DataError(f"label {label[:60]!r} is unknown: use one of {', '.join(Answer)}")
    if relation and relation not in set(Relation):
        raise DataError(f"relation {relation[:60]!r} is unknown: use one of {', '.join(Relation)}")
    if not relation:
        return Said(Answer(label), None, note or None)
    implied = Answer(identity.label(Relation(relation)) or Answer.UNSURE)
    if label and label != implied:
        raise DataError(
            f"label {label!r} contradicts relation {relation!r}, which is {implied.value!r} under the identity rule {identity.name!r}: "
            "correct one, or leave the relation empty"
        )
    return Said(implied, Relation(relation), note or None)


def check_rater(name: str) -> str:
    """The rater's name without outer spaces.

    Raises:
        DataError: it is empty, too long or does not print.
    """
    stripped = name.strip()
    if not stripped or len(stripped) > MAX_RATER_CHARS or not stripped.isprintable():
        raise DataError(f"rater {stripped[:80]!r} is no name: use 1 to {MAX_RATER_CHARS} characters that print")
    return stripped
