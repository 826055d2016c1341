from __future__ import annotations

from dataclasses import replace

import pytest

from epm.agents.context import LABELLED_PROMPTS, PROMPTS
from epm.agents.matcher import MultiAgentRag
from epm.agents.teach import TeachJob
from epm.agents.told import require_explainer, told_matcher
from epm.decision import LABEL_GIVEN
from epm.errors import ConfigError, DataError
from epm.gateway.request import ModelSettings
from epm.listing import Listing
from epm.matchers.evidence_rules import make as make_rules
from epm.pair import Pair
from epm.relation import Label

PAIR = Pair("p1", Listing("l", "Kolvra KX-120"), Listing("r", "Kolvra KX-130"), gold_label=Label.NO_MATCH, split="train")


def test_the_rules_are_refused_for_they_read_no_label() -> None:
    with pytest.raises(ConfigError, match=r"--with-labels needs a model.*'rules'"):
        require_explainer(ModelSettings("rules"))
    require_explainer(ModelSettings("openai/gpt-4o-mini"))


def test_a_matcher_that_takes_no_labels_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'evidence-rules' cannot be told labels: use 'multi-agent-rag'"):
        told_matcher(make_rules(None), [PAIR])


def test_a_pair_without_a_label_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 of 2 pairs have no gold_label, the first is 'p2'"):
        told_matcher(MultiAgentRag(), [PAIR, replace(PAIR, id="p2", gold_label=None)])


@pytest.mark.parametrize("split", ["test", "Valid", "dev", "validation"])
def test_a_pair_that_is_held_out_for_evaluation_is_refused(split: str) -> None:
    with pytest.raises(DataError, match=rf"1 of 2 pairs are of a split that is held out.*'p2' of '{split}'"):
        told_matcher(MultiAgentRag(), [PAIR, replace(PAIR, id="p2", split=split)])
    told_matcher(MultiAgentRag(), [PAIR, replace(PAIR, id="p2", split=None)])


def test_telling_labels_is_another_run_with_a_prompt_of_its_own() -> None:
    blind, told = MultiAgentRag("m"), told_matcher(MultiAgentRag("m"), [PAIR])
    assert {name for name in PROMPTS if PROMPTS[name] != LABELLED_PROMPTS[name]} == {"decide"}
    assert (blind.name, blind.version) != (told.name, told.version)
    jobs = [
        TeachJob(matcher, ModelSettings("m"), "in", matcher.prompts_sha, "k", is_label_given=is_told)  # type: ignore[attr-defined]
        for matcher, is_told in ((blind, False), (told, True))
    ]
    assert [job.spec().settings.get(LABEL_GIVEN) for job in jobs] == [None, "yes"]
    assert jobs[0].spec() != jobs[1].spec()
