"""``select``: one question for the candidates of a listing, in an order that carries nothing, and one match at most."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from epm.agents.select import MOST_CANDIDATES, in_random_order
from epm.agents.teach_file import TeachOptions, teach_setting
from epm.decision import Decision
from epm.errors import ConfigError, ErrorClass, ModelError
from epm.estimate.matching import estimate_matching, preview_matching
from epm.files.pairs import write_pairs
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings
from epm.identity import STRICT
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matching import decide_all
from epm.pair import Pair
from epm.registry import make_matcher
from epm.relation import Label

Double = Callable[..., Any]


def shown(prompt: str) -> list[str]:
    """The candidates' titles, in the order of the prompt."""
    block = re.findall(r'<data name="candidates">\n(.*?)\n</data>', prompt, re.DOTALL)[0]
    entries = json.loads(block)
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    return [entry["listing"]["title"] for entry in entries]


def choosing(title: str) -> Callable[[str], object]:
    """A model that chooses a title wherever it stands, and none where it does not."""
    return lambda prompt: {"choice": 1 + shown(prompt).index(title) if title in shown(prompt) else 0}


def matched(decisions: Sequence[Decision]) -> list[str]:
    return [decision.pair_id for decision in decisions if decision.label is Label.MATCH]


def long_query(n: int) -> list[Pair]:
    return [Pair(f"p{i}", Listing("q", "Kolvra KX-12 kettle"), Listing(f"c{i}", f"Kettle Kolvra KX{i}")) for i in range(n)]


def test_the_chosen_candidate_matches_and_the_others_do_not(model_double: Double, query_pairs: list[Pair]) -> None:
    model = model_double(choosing("Kettle Kolvra KX12"))
    decisions = model.decide("select", query_pairs)
    assert [decision.label for decision in decisions] == [Label.NO_MATCH, Label.NO_MATCH, Label.MATCH, Label.NO_MATCH]
    assert len(model.bodies) == 1, "all candidates are one question"
    assert sum(decision.cost_usd for decision in decisions) == pytest.approx(0.5), "which they share"


def test_none_may_be_chosen(model_double: Double, query_pairs: list[Pair]) -> None:
    assert matched(model_double({"choice": 0}).decide("select", query_pairs)) == []


def test_pairs_of_one_left_listing_are_one_question_wherever_they_stand(model_double: Double, query_pairs: list[Pair]) -> None:
    other = [Pair(f"o{i}", Listing("q2", "Zorin drill"), pair.right) for i, pair in enumerate(query_pairs)]
    mixed = [pair for both in zip(query_pairs, other, strict=True) for pair in both]
    model = model_double(choosing("Kettle Kolvra KX12"))
    decisions = model.decide("select", mixed)
    assert [decision.pair_id for decision in decisions] == [pair.id for pair in mixed]
    assert sorted(len(shown(prompt)) for prompt in model.sent()) == [4, 4]
    assert matched(decisions) == ["p2", "o2"]
    changed = [query_pairs[0], replace(query_pairs[1], left=replace(query_pairs[1].left, title="Kolvra KX-12 kettle, red"))]
    assert len(make_matcher("select").groups(changed)) == 2, "an id that holds another listing is another listing"  # type: ignore[attr-defined]


def test_neither_place_nor_id_decides_who_is_chosen(model_double: Double, query_pairs: list[Pair]) -> None:
    """A model that always takes the first: turn the file round and rename everything, and it takes the same one."""
    model = model_double({"choice": 1})
    forward = matched(model.decide("select", query_pairs))
    renamed = [replace(pair, right=replace(pair.right, id=f"x{9 - i}")) for i, pair in enumerate(query_pairs)]
    assert matched(model.decide("select", renamed[::-1])) == forward
    assert len({str(body) for body in model.bodies}) == 1


def test_the_seed_and_the_query_move_every_candidate(model_double: Double, query_pairs: list[Pair]) -> None:
    model = model_double({"choice": 0})
    for seed in range(40):
        model.decide("select", query_pairs, seed=seed)
    firsts = [shown(prompt)[0] for prompt in model.sent()]
    assert all(4 <= firsts.count(pair.right.title) <= 17 for pair in query_pairs), "each is first about 10 times of 40"
    again = model_double({"choice": 0})
    for number in range(40):
        again.decide("select", [replace(pair, left=Listing("q", f"Kolvra KX-{number} kettle")) for pair in query_pairs])
    firsts = [shown(prompt)[0] for prompt in again.sent()]
    assert all(4 <= firsts.count(pair.right.title) <= 17 for pair in query_pairs)


def test_a_biased_model_gains_nothing_from_how_a_file_was_written(model_double: Double) -> None:
    """The file of every query begins with its match; the model always takes the first candidate."""
    pairs = [
        Pair(f"p{q}.{i}", Listing(f"q{q}", f"Kolvra KX-{q} kettle"), Listing(f"c{q}.{i}", f"Kettle {q} of kind {i}"), Label.MATCH if i == 0 else None)
        for q in range(200) for i in range(4)
    ]  # fmt: skip
    decisions = model_double({"choice": 1}).decide("select", pairs)
    right = sum(decision.label is Label.MATCH and decision.pair_id.endswith(".0") for decision in decisions)
    assert 30 <= right <= 70, "chance is 50 of 200, with a standard deviation of 6"


def test_offers_that_read_alike_are_one_candidate_and_share_its_answer(model_double: Double, query_pairs: list[Pair]) -> None:
    twin = Pair("twin", query_pairs[2].left, replace(query_pairs[2].right, id="other-shop"))
    model = model_double(choosing("Kettle Kolvra KX12"))
    assert matched(model.decide("select", [*query_pairs, twin])) == ["p2", "twin"]
    assert len(shown(model.sent()[0])) == 4
    assert len(in_random_order(twin.left, [twin.right, query_pairs[2].right], 0)) == 1


@pytest.mark.parametrize(("n", "wanted", "n_calls"), [(MOST_CANDIDATES, 3, 1), (MOST_CANDIDATES + 3, 3, 2), (MOST_CANDIDATES + 3, None, 2)])
def test_long_lists_are_asked_about_in_heats(model_double: Double, n: int, wanted: int | None, n_calls: int) -> None:
    model = model_double(choosing(f"Kettle Kolvra KX{wanted}"))
    decisions = model.decide("select", long_query(n))
    assert matched(decisions) == ([] if wanted is None else [f"p{wanted}"])
    assert len(model.bodies) == n_calls
    assert max(len(shown(prompt)) for prompt in model.sent()) <= MOST_CANDIDATES


def test_the_winners_of_heats_meet_again(model_double: Double) -> None:
    model = model_double({"choice": 1})
    decisions = model.decide("select", long_query(MOST_CANDIDATES + 3))
    final = shown(model.sent()[-1])
    assert final == [shown(prompt)[0] for prompt in model.sent()[:2]]
    assert matched(decisions) == [f"p{final[0].removeprefix('Kettle Kolvra KX')}"]


def test_a_number_that_no_candidate_has_is_repaired(model_double: Double, query_pairs: list[Pair]) -> None:
    model = model_double({"choice": 5}, {"choice": -1})
    assert {decision.error_class for decision in model.decide("select", query_pairs)} == {ErrorClass.INVALID_STRUCTURE}
    assert matched(model_double({"choice": 5}, choosing("Kettle Kolvra KX12")).decide("select", query_pairs)) == ["p2"]


def test_a_question_that_fails_fails_its_pairs_and_no_others(model_double: Double, query_pairs: list[Pair], pairs: list[Pair]) -> None:
    model = model_double(ModelError("no", ErrorClass.CONTENT_FILTER), {"choice": 1})
    decisions = model.decide("select", [*query_pairs, replace(pairs[0], id="other")], concurrency=1)
    assert [decision.error_class for decision in decisions] == [ErrorClass.CONTENT_FILTER] * 4 + [None]


def test_it_gets_all_pairs_at_once_and_progress_is_told_on_the_way(model_double: Double) -> None:
    pairs = [Pair(f"p{i}", Listing(f"q{i % 50}", f"Kolvra KX-{i % 50}"), Listing(f"c{i}", f"Kettle {i}")) for i in range(150)]
    model, events = model_double({"choice": 1}), []
    ctx = MatchContext(STRICT, MeteredGateway(model, None), ModelSettings("m"), concurrency=2)
    asyncio.run(decide_all(make_matcher("select"), pairs, ctx, on_progress=events.append))
    assert len(model.bodies) == 50, "no batch border cuts a question"
    assert [event.n_done for event in events] == [0, 64, 128, 150]


def test_an_estimate_and_a_teaching_run_would_ask_something_else_and_are_refused(
    model_double: Double, query_pairs: list[Pair], tmp_path: Any
) -> None:
    ctx = MatchContext(STRICT, MeteredGateway(model_double({"choice": 1}), None), ModelSettings("m"))
    with pytest.raises(ConfigError, match=r"matcher 'select' decides pairs together.*--limit N"):
        estimate_matching(query_pairs, ["select"], 2, ctx=ctx)
    write_pairs(tmp_path / "pairs.jsonl", query_pairs)
    options = TeachOptions(matcher="select", model=ModelSettings("m"), store=str(tmp_path / "store.db"))
    with pytest.raises(ConfigError, match=r"decides pairs together.*'epm bench'"), teach_setting(tmp_path / "pairs.jsonl", options):
        pass
    with (
        pytest.raises(ConfigError, match="asks a free prompt"),
        teach_setting(tmp_path / "pairs.jsonl", replace(options, matcher="cot", model=ModelSettings("rules"))),
    ):
        pass
    assert not (tmp_path / "store.db").exists()


def test_a_dry_run_shows_whole_questions(query_pairs: list[Pair]) -> None:
    preview = preview_matching(query_pairs, ["select"], ctx=MatchContext(model=ModelSettings("m")))
    (prompt,) = preview.prompts
    assert len(shown(prompt.user)) == 4
    with pytest.raises(ConfigError, match="asks a free prompt"):
        preview_matching(query_pairs, ["select"], ctx=MatchContext(model=ModelSettings("rules")))
