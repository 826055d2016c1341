"""Pretraining labels under identity rules drawn at random, one for each pair.

Whether another colour or another pack is the same product is the user's decision. A base student must compare well and hold no
opinion on that; SFT on the user's rationales teaches the rule.
"""

from __future__ import annotations

import random

from epm.rationale import Rationale
from epm.relation import Label, Relation

DEBATABLE = frozenset({Relation.VARIANT, Relation.OTHER_PACK, Relation.BUNDLE_OF, Relation.CONDITION})
"""Relations that one identity rule accepts and another refuses; exact pairs match and different products never do."""


def under_random_rule(rationale: Rationale, rng: random.Random, *, accept_chance: float) -> Rationale:
    """The rationale with the label of a rule that accepts each debatable relation with that chance, in [0, 1]."""
    if rationale.relation not in DEBATABLE:
        return rationale
    label = Label.MATCH if rng.random() < accept_chance else Label.NO_MATCH
    return rationale.model_copy(update={"label": label})
