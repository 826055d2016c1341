from __future__ import annotations

from dataclasses import fields

from epm.gateway.request import ModelSettings, StructuredMode
from epm.store.launch import Launch, add_launch, latest_launch
from epm.store.store import RunStore


def test_the_settings_of_a_model_come_back_as_they_were(filled: tuple[str, str]) -> None:
    address, run_id = filled
    model = ModelSettings(
        "azure/d", "https://n.openai.azure.com", None, 0.1, 99, 9.0, 1.5, 2.5, StructuredMode.MD_JSON, "gpt-4o-mini", 33.0, 600, 9000,
        "2024-10-21", "TOKEN", "/c.jsonl", 2, "high",
    )  # fmt: skip
    assert len(fields(model)) == 18, "a setting was added: give it a value here that is not its default"
    with RunStore.open(address) as store:
        add_launch(store, Launch(run_id, "teach", model, {}))
        kept = latest_launch(store, run_id, "teach")
    assert kept is not None
    assert kept.model == model
    assert kept.model.structured is StructuredMode.MD_JSON  # the mode is compared by identity where it is used
