"""What a command would ask first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from epm.gateway.dry_run import FirstPrompt

N_PREVIEWED = 3
"""Items whose first prompts are shown."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would run: how many items, and the prompts of the first ones."""

    n_items: int
    prompts: Sequence[FirstPrompt]

    def to_json(self) -> dict[str, object]:
        """The preview as JSON values."""
        return {"n_items": self.n_items, "prompts": [asdict(prompt) for prompt in self.prompts]}

    def text(self) -> str:
        """The preview as text."""
        parts = [_text(prompt) for prompt in self.prompts]
        asked = f"the first prompts of {len(parts)} shown" if parts else "no model would be asked"
        return "\n\n".join([*parts, f"dry run: {self.n_items:,} items would run, {asked}; nothing was sent"])


def _text(prompt: FirstPrompt) -> str:
    schema = "none" if prompt.schema is None else json.dumps(prompt.schema, ensure_ascii=False)
    head = f"--- item {prompt.item_id}, {prompt.role}, model {prompt.model}"
    return f"{head}\n[system]\n{prompt.system}\n[user]\n{prompt.user}\n[schema]\n{schema}"
