"""What a user's own system is shown of a pair, and what it may answer: the contract of ``python:`` and ``command:``.

Shown are ids and what the listings say. Gold label, relation, split, cluster ids, sources and unknown columns are not:
one of them may be the label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.first_problem import first_problem
from epm.listing import TEXT_FIELDS, Listing
from epm.pair import Pair
from epm.relation import Label
from epm.store.codec import storable
from epm.tables.label_words import known_label

ListingRecord = dict[str, object]
PairRecord = dict[str, object]
EVEN = 0.5
"""A probability of at least this much is a match where no label is stated."""
_ALLOWED = "answer true or false, a label word such as 'match' or 'no_match', a probability from 0 to 1, or an object of them"


def pair_record(pair: Pair) -> PairRecord:
    """The pair as it is shown: ``id``, ``left`` and ``right``; new objects at each call."""
    return {"id": pair.id, "left": _listing_record(pair.left), "right": _listing_record(pair.right)}


def _listing_record(listing: Listing) -> ListingRecord:
    """The listing with every text field, ``None`` where it says nothing, so that a rule can look fields up by name."""
    return {"id": listing.id, **{name: getattr(listing, name) for name in TEXT_FIELDS}, "attributes": dict(listing.attributes)}


def _label(value: object) -> Label | None:
    if value is None or isinstance(value, Label):
        return value
    word = value if isinstance(value, str) else str(int(value)) if isinstance(value, int | float) and value in {0, 1} else None
    known = None if word is None else known_label(word)
    if known is None or known == "none":
        raise ValueError(f"{value!r:.60} is no label; {_ALLOWED}")
    return Label(known)


Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class OwnAnswer(BaseModel):
    """One answer. A stated label counts; without one the probability decides, and ``"label": null`` alone abstains."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Annotated[Label | None, BeforeValidator(_label)] = None
    probability: Probability | None = None
    cost_usd: Amount = 0.0
    latency_s: Amount | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not {"label", "probability"} & self.model_fields_set:
            raise ValueError("holds neither a label nor a probability")
        return self

    @property
    def decided(self) -> Label | None:
        """The label stated, else that of the probability; ``None`` abstains."""
        if self.label is not None or self.probability is None:
            return self.label
        return Label.MATCH if self.probability >= EVEN else Label.NO_MATCH

    def decision(self, pair_id: str, *, latency_s: float) -> Decision:
        """The answer as a decision on a pair; ``latency_s`` is what was measured, for systems that do not state their own."""
        return Decision(
            pair_id, Outcome.ABSTAINED if self.decided is None else Outcome.DECIDED, label=self.decided, probability=self.probability,
            cost_usd=self.cost_usd, latency_s=latency_s if self.latency_s is None else self.latency_s,
            provenance={} if self.reason is None else {"reason": storable(self.reason)},
        )  # fmt: skip


def decision_of(pair_id: str, said: object, *, latency_s: float) -> Decision:
    """The decision that a value states; ``failed`` with ``invalid_structure`` and the reason where it states none."""
    try:
        return _answer(said).decision(pair_id, latency_s=latency_s)
    except TypeError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  # an object of the user's own may raise anything when it is looked at
        reason = f"{type(said).__name__} cannot be read: {type(error).__name__}; {_ALLOWED}"
    return Decision.failed(pair_id, ErrorClass.INVALID_STRUCTURE, storable(f"wrong answer: {reason}"), latency_s=latency_s)


def _answer(said: object) -> OwnAnswer:
    """The answer that a value states; raises ``TypeError`` for one that states none."""
    try:
        return OwnAnswer.model_validate(_fields(said))
    except ValidationError as error:
        raise TypeError(first_problem(error).removeprefix("the file: ")) from error


def _fields(said: object) -> dict[str, object]:
    """The answer's fields: those of a mapping, or of a bare value; raises ``TypeError`` for anything else."""
    said = _plain(said)
    if isinstance(said, Mapping):
        return {str(name): _plain(value) for name, value in said.items()}
    if isinstance(said, bool | str):
        return {"label": said}
    if isinstance(said, int | float):
        return {"probability": said}
    raise TypeError(f"{type(said).__name__} {said!r:.60}; {_ALLOWED}")


def _plain(value: object) -> object:
    """A number of numpy as Python's own: rules over arrays return them."""
    return value.item() if isinstance(value, np.generic) else value
