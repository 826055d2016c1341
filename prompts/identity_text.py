"""How the identity rule is stated in every prompt that needs it."""

from __future__ import annotations

from epm.identity import IdentityRule

NO_RULE = "No rule is given: judge for yourself whether both listings offer the same product."
"""What stands in the rule's place where a prompt is tried without it."""


def state_identity(identity: IdentityRule) -> str:
    """The rule's own sentence, then the relations that it counts as a match."""
    matching = ", ".join(sorted(relation.value for relation in identity.matching)) or "none"
    return f"{identity.statement}\nRelations that count as match under this rule ({identity.name}): {matching}. Every other decided relation is no_match."
