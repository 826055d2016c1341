from __future__ import annotations

import json

import pytest

from epm.errors import ErrorClass, ModelError
from epm.evidence.tasks import answer
from epm.rationale import Rationale
from epm.relation import Relation

LEFT = {"title": "Kolvra KX-120 kettle black", "brand": "Kolvra"}
RIGHT = {"title": "KOLVRA KX120 Wasserkocher"}


def test_extract_quotes_every_value_it_names() -> None:
    found = answer("extract", {"listing": LEFT})["attributes"]

    assert {"name": "colour", "value": "black", "quote": "black"} in found
    assert all(any(item["quote"] in text for text in LEFT.values()) for item in found)


def test_ask_asks_about_what_one_side_states_and_the_other_leaves_out() -> None:
    (question,) = answer("ask", {"left": LEFT, "right": RIGHT})["questions"]

    assert (question["attribute"], question["side"], question["entity"]) == ("colour", "right", "kolvra:kx120")
    assert "KX120 Wasserkocher" in question["question"]


def test_ask_is_silent_about_different_products() -> None:
    assert answer("ask", {"left": LEFT, "right": {"title": "Zorin N-77 drill"}}) == {"questions": []}


def test_only_an_answer_about_the_same_entity_and_attribute_is_sufficient() -> None:
    question = {"entity": "kolvra:kx120", "attribute": "colour"}

    def sufficient(*answers: dict[str, str]) -> object:
        return answer("sufficient", {"question": question, "answers": list(answers)})["sufficient"]

    assert sufficient({"text": "black", "entity": "kolvra:kx120", "attribute": "colour"})
    assert not sufficient({"text": "black", "entity": "kolvra:kx130", "attribute": "colour"})
    assert not sufficient({"text": "black", "entity": "kolvra:kx120", "attribute": "size"})
    assert not sufficient({"text": "unknown", "entity": "kolvra:kx120", "attribute": "colour"})
    assert not sufficient(
        {"text": "black", "entity": "kolvra:kx120", "attribute": "colour"},
        {"text": "white", "entity": "kolvra:kx120", "attribute": "colour"},
    )


def test_research_searches_first_and_answers_from_the_same_entity_only() -> None:
    question = {"entity": "kolvra:kx120", "attribute": "colour", "question": "?"}
    hits = [{"id": "a", "text": "Kolvra KX-120 electric kettle, black"}, {"id": "b", "text": "Kolvra KX-130 kettle white"}]

    assert answer("research", {"question": question, "tool_results": []})["tool_call"] == {
        "name": "find_rivals", "arguments": {"query": "kolvra kx120"},
    }  # fmt: skip
    assert answer("research", {"question": question, "tool_results": [{"tool": "find_rivals", "hits": hits}]}) == {
        "answer": "black", "citations": ["a"],
    }  # fmt: skip
    assert answer("research", {"question": question, "tool_results": [{"content": json.dumps(hits[1:])}]}) == {
        "answer": "unknown", "citations": [],
    }  # fmt: skip


def test_research_that_finds_two_answers_has_none() -> None:
    question = {"entity": "kolvra:kx120", "attribute": "colour", "question": "?"}
    hits = [{"id": "a", "text": "Kolvra KX-120 kettle black"}, {"id": "b", "text": "Kolvra KX-120 kettle white"}]

    assert answer("research", {"question": question, "tool_results": [{"tool": "find_rivals", "hits": hits}]})["answer"] == "unknown"


def test_decide_writes_a_valid_rationale() -> None:
    written = answer("decide", {"left": LEFT, "right": RIGHT, "identity": "strict", "answers": [], "rivals": []})

    assert Rationale.model_validate(written).relation is Relation.EXACT
    json.dumps(written)


def test_verify_passes_what_decide_wrote_and_vetoes_what_was_forged() -> None:
    sides = {"left": LEFT, "right": RIGHT, "identity": "strict"}
    written = answer("decide", sides)
    forged_quote = json.loads(json.dumps(written).replace('"KX120', '"KX999'))
    forged_label = {**written, "relation": "variant", "label": "match"}

    assert answer("verify", {**sides, "rationale": written}) == {"verdict": "pass", "problems": []}
    assert "'KX999'" in str(answer("verify", {**sides, "rationale": forged_quote})["problems"])
    assert answer("verify", {**sides, "rationale": forged_label})["verdict"] == "veto"


def test_verify_names_a_bad_check_digit_that_decides() -> None:
    cell = {"attribute": "gtin", "left": "4006381333932", "right": "4006381333932", "verdict": "same"}
    name = {"attribute": "name", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}
    axes = {"core": {"comparisons": [name], "verdict": "same"}, "identifier": {"comparisons": [cell], "verdict": "same"}}
    rationale = {**axes, "variant": {"comparisons": [], "verdict": "unknown"}, "relation": "exact", "factor": None, "label": "match"}
    side = {"title": "Kolvra", "gtin": "4006381333932"}

    found = answer("verify", {"left": side, "right": side, "rationale": rationale})

    assert found["verdict"] == "veto"
    assert "bad check digit" in str(found["problems"])


def test_a_task_that_rules_cannot_do_is_refused() -> None:
    with pytest.raises(ModelError, match="translate") as raised:
        answer("translate", {})
    assert raised.value.error_class is ErrorClass.UNSUPPORTED


def test_a_payload_without_its_listing_is_a_bad_request() -> None:
    with pytest.raises(ModelError, match="left") as raised:
        answer("decide", {"right": RIGHT})
    assert raised.value.error_class is ErrorClass.BAD_REQUEST
