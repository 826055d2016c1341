from __future__ import annotations

from dataclasses import replace

import pytest

from epm.agents.matcher import MultiAgentRag
from epm.agents.teach import Again, TeachJob
from epm.gateway.request import ModelSettings, StructuredMode
from epm.store.records import RunStatus

MODEL = ModelSettings("azure/d", api_base="http://h:1")
JOB = TeachJob(MultiAgentRag(), MODEL, input_sha="in", prompts_sha="p", knowledge_name="k")


@pytest.mark.parametrize(
    "other",
    [
        {"structured": StructuredMode.MD_JSON},
        {"api_version": "2024-10-21"},
        {"api_base": "http://h:2"},
        {"temperature": 0.5},
        {"max_tokens": 9},
        {"reasoning_effort": "low"},
    ],
)
def test_what_changes_the_answers_makes_another_run(other: dict) -> None:
    assert replace(JOB, model=replace(MODEL, **other)).spec() != JOB.spec()


@pytest.mark.parametrize(
    "other",
    [
        {"rpm": 60}, {"tpm": 60}, {"item_timeout_s": 9.0}, {"timeout_s": 9.0}, {"api_key_env": "A"}, {"azure_ad_token_env": "A"},
        {"price_in_usd": 1.0, "price_out_usd": 1.0}, {"base_model": "gpt-4o-mini"},
    ],
)  # fmt: skip
def test_bounds_prices_and_keys_do_not(other: dict) -> None:
    assert replace(JOB, model=replace(MODEL, **other)).spec() == JOB.spec()


def test_a_part_of_a_run_belongs_to_it() -> None:
    part = replace(JOB, only=frozenset({"p1"}), again=Again("r", RunStatus.DONE), launch={"a": 1}, concurrency=1)
    assert part.spec() == JOB.spec()
    assert "structured" not in JOB.spec().settings  # a run of an epm that did not know the setting keeps its id
