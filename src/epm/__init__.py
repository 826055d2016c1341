"""epm: decide whether two e-commerce listings are the same product, from agent teachers to an audited local student.

    import epm
    pair = epm.Pair("1", epm.Listing("a", "KOLVRA KX-120 kettle"), epm.Listing("b", "Wasserkocher Kolvra KX120"))
    decision = epm.match([pair], "evidence-rules")[0]

Importing this package loads no torch, no litellm and no langchain: a public name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from epm.config import __version__
from epm.library_settings import quiet_libraries

if TYPE_CHECKING:
    from epm.decision import Decision, Outcome
    from epm.files.pairs import read_pairs, write_pairs
    from epm.identity import IdentityRule, load_identity_rule
    from epm.listing import Listing
    from epm.matching import MatchResult, match
    from epm.pair import Pair
    from epm.rationale import Rationale
    from epm.relation import Label, Relation

quiet_libraries()

_HOME = {
    "Decision": "epm.decision",
    "IdentityRule": "epm.identity",
    "Label": "epm.relation",
    "Listing": "epm.listing",
    "MatchResult": "epm.matching",
    "Outcome": "epm.decision",
    "Pair": "epm.pair",
    "Rationale": "epm.rationale",
    "Relation": "epm.relation",
    "load_identity_rule": "epm.identity",
    "match": "epm.matching",
    "read_pairs": "epm.files.pairs",
    "write_pairs": "epm.files.pairs",
}

__all__ = [
    "Decision",
    "IdentityRule",
    "Label",
    "Listing",
    "MatchResult",
    "Outcome",
    "Pair",
    "Rationale",
    "Relation",
    "__version__",
    "load_identity_rule",
    "match",
    "read_pairs",
    "write_pairs",
]


def __getattr__(name: str) -> object:
    """A public name, loaded from the module that holds it."""
    home = _HOME.get(name)
    if home is None:
        msg = f"module 'epm' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(home), name)
