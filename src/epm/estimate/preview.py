"""What a command would ask: the prompt of every role, with about how many tokens it takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

from epm.gateway.dry_run import FirstPrompt

N_PREVIEWED = 3
"""Items whose prompts are kept."""


@runtime_checkable
class HasRoles(Protocol):
    """A matcher that asks in several roles, some of which an item may never come to."""

    def templates(self) -> Mapping[str, tuple[str, str]]:
        """The system and user text of each role, unfilled."""
        ...


@dataclass(frozen=True, slots=True)
class Preview:
    """What would run: how many items, and the prompts of the first ones in every role."""

    n_items: int
    prompts: Sequence[FirstPrompt]

    def to_json(self) -> dict[str, object]:
        """The preview as JSON values: every prompt that was kept, those of no item unfilled."""
        return {"n_items": self.n_items, "prompts": [{**asdict(prompt), "n_tokens": prompt.n_tokens} for prompt in self.prompts]}

    def text(self) -> str:
        """The preview as text: one prompt of each role, then what each role takes."""
        first = {(prompt.role, prompt.model): prompt for prompt in reversed(self.prompts)}
        parts = [_text(prompt) for prompt in reversed(first.values())]
        n_shown = len({prompt.item_id for prompt in self.prompts if prompt.item_id is not None})
        asked = f"the prompts of {n_shown} looked at" if n_shown else "no model would be asked"
        end = f"dry run: {self.n_items:,} items would run, {asked}; nothing was sent"
        return "\n\n".join([*parts, "\n".join([*_role_lines(self.prompts), end])])


def with_templates(prompts: Sequence[FirstPrompt], model: str, matchers: Iterable[object]) -> list[FirstPrompt]:
    """The prompts, and unfilled those of the roles that no item came to."""
    reached = {prompt.role for prompt in prompts}
    unfilled = [
        FirstPrompt(None, role, model, system, user, None)
        for matcher in matchers
        if isinstance(matcher, HasRoles)
        for role, (system, user) in matcher.templates().items()
        if role not in reached
    ]
    return [*prompts, *unfilled] if prompts else []


def _role_lines(prompts: Sequence[FirstPrompt]) -> list[str]:
    """For each role, how many of the items came to it, and about what it takes."""
    by_role: dict[str, list[FirstPrompt]] = {}
    for prompt in prompts:
        by_role.setdefault(prompt.role, []).append(prompt)
    return [_role_line(role, asked) for role, asked in by_role.items()]


def _role_line(role: str, asked: Sequence[FirstPrompt]) -> str:
    n_tokens = sum(prompt.n_tokens for prompt in asked) // len(asked)
    if asked[0].item_id is None:
        return f"{role}: asked in none of these items; about {n_tokens:,} tokens unfilled, without schema"
    return f"{role}: asked in {len(asked)} of these items, about {n_tokens:,} tokens each"


def _text(prompt: FirstPrompt) -> str:
    schema = "none" if prompt.schema is None else json.dumps(prompt.schema, ensure_ascii=False)
    whose = f"item {prompt.item_id}" if prompt.item_id is not None else "no item, unfilled"
    head = f"--- {whose}, {prompt.role}, model {prompt.model}, about {prompt.n_tokens:,} tokens"
    return f"{head}\n[system]\n{prompt.system}\n[user]\n{prompt.user}\n[schema]\n{schema}"
