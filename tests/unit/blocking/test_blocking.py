"""Two tables give one ranked list within a budget; recall and the reasons for what is lost are right by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epm.blocking import blocker
from epm.blocking.blocker import Blocked, BlockingPolicy, block
from epm.blocking.candidate import Candidate, Links
from epm.blocking.fusion import relative_similarity
from epm.blocking.recall import LossReason, measure_recall
from epm.errors import ConfigError
from epm.listing import Listing
from epm.progress import ProgressEvent

from .conftest import MeaningEmbedder, table

LEFT = table("Kolvra KX-120 kettle", "Norvik drill 18V", "garden lamp green", "wooden chair")
RIGHT = table("kettle KX 120 Kolvra", "Norvik 18 V drill", "green lamp for gardens", "Norvik drill 12 V", prefix="b")
GTIN = "4006381333931"


def kept(blocked: Blocked) -> set[tuple[int, int]]:
    return {(found.left, found.right) for found in blocked.candidates}


def test_the_budget_counts_listings_of_the_larger_table_and_keeps_the_best() -> None:
    assert kept(block(LEFT, RIGHT, BlockingPolicy(per_listing=0.75))) == {(0, 0), (1, 1), (2, 2)}
    assert len(block(LEFT[:1], RIGHT, BlockingPolicy(per_listing=0.5)).candidates) <= 2


def test_similarity_counts_relative_to_the_best_of_both_sides() -> None:
    links = Links(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.8, 0.4, 0.2], dtype=np.float32))
    relative = relative_similarity(links, links.similarity, links.left, links.right)
    assert relative == pytest.approx([1.0, 0.4 / (0.8 * 0.4) ** 0.5, 0.2 / (0.2 * 0.4) ** 0.5], abs=1e-6)
    assert relative_similarity(links, np.array([0.5], dtype=np.float32), np.array([9]), np.array([0])).tolist() == [0.0]


def test_a_shared_identifier_wins_over_any_wording_and_names_its_channel() -> None:
    left = (Listing("a", "Etui rouge", gtin=GTIN), *LEFT)
    right = (Listing("b", "Red sleeve", gtin=GTIN), Listing("c", "Etui rouge neuf"), *RIGHT)
    first = next(found for found in block(left, right).candidates if found.left == 0 and found.left_rank == 1)
    assert (first.right, first.channels) == (0, ("identifiers",))
    assert block(left, right, BlockingPolicy(("characters",))).candidates[0].right == 1


def test_ranks_count_from_either_side() -> None:
    for found in (blocked := block(LEFT, RIGHT)).candidates:
        others = [other for other in blocked.candidates if other.left == found.left]
        assert found.left_rank == 1 + sum(other.score > found.score for other in others)
        assert found.right_rank == 1 + sum(o.score > found.score for o in blocked.candidates if o.right == found.right)


def test_neither_ids_nor_clusters_change_the_candidates() -> None:
    renamed = tuple(replace(listing, id=f"z{9 - i}", cluster_id="same") for i, listing in enumerate(LEFT))
    assert block(renamed, RIGHT).candidates == block(LEFT, RIGHT).candidates


def test_candidates_are_pairs_without_a_label_that_say_who_found_them() -> None:
    pairs = list(block(LEFT, RIGHT, BlockingPolicy(per_listing=0.75)).pairs())
    assert [(pair.left.id, pair.right.id, pair.gold_label) for pair in pairs] == [
        ("a0", "b0", None),
        ("a1", "b1", None),
        ("a2", "b2", None),
    ]
    assert pairs[2].extras["candidate_channels"] == "characters"
    assert pairs[2].extras["candidate_rank"] == 1


def test_dense_is_off_unless_asked_for_and_finds_what_shares_no_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocker, "make_embedder", lambda _name: type("Remembering", (), {"inner": MeaningEmbedder()})())
    left, right = table("drill", "kettle"), table("kocher", "bohrer", prefix="b")
    assert kept(block(left, right)) == set()
    found = block(left, right, BlockingPolicy(("characters", "dense"), per_listing=1.0))
    assert kept(found) == {(0, 1), (1, 0)}
    assert {candidate.channels for candidate in found.candidates} == {("dense",)}


def test_empty_tables_have_no_candidates() -> None:
    for left, right in (((), RIGHT), (LEFT, ()), ((), ())):
        blocked = block(left, right)
        assert (blocked.candidates, blocked.reduction_ratio, list(blocked.pairs())) == ((), 0.0, [])
        assert measure_recall(blocked, []).recall == 0.0


@pytest.mark.parametrize(
    "wrong", [{"channels": ("smell",)}, {"channels": ()}, {"per_listing": 0.0}, {"per_listing": float("nan")}, {"top_k": 0}]
)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="use"):
        BlockingPolicy(**wrong)  # type: ignore[arg-type]


def test_recall_at_k_counts_the_rank_at_the_left_listing() -> None:
    blocked = block(LEFT, RIGHT)
    ranked = tuple(Candidate(0, right, 1.0 - right / 10, right + 1, 1, ("characters",)) for right in range(3))
    report = measure_recall(replace(blocked, candidates=ranked), [(0, 0), (0, 2), (1, 1), (3, 3), (0, 0)])
    assert report.n_gold == 4
    assert dict(report.at_k) == {1: 0.25, 5: 0.5, 10: 0.5, 20: 0.5}
    assert report.recall == 0.5
    assert [(lost.left, lost.right) for lost in report.lost] == [(1, 1), (3, 3)]


def test_every_lost_match_has_its_reason() -> None:
    left = table("Norvik drill 18V red", "wooden chair", "Kolvra kettle steel inox large silver 1500 ml")
    siblings = [f"Norvik drill 18V red {i}" for i in range(4)]
    right = table(*siblings, "Norvik drill 18V", "silver spoon for tea", "xyz", prefix="b")
    blocked = block(left, right, BlockingPolicy(top_k=2, per_listing=0.1))
    report = measure_recall(blocked, [(0, 4), (1, 6), (2, 5), (2, 6)])
    reasons = {(lost.left, lost.right): lost.reason for lost in report.lost}
    assert reasons[1, 6] is LossReason.NO_COMMON_TEXT
    assert reasons[2, 5] is LossReason.LOW_SIMILARITY
    assert report.lost_by_reason()["no_common_text"] == 2
    assert sum(report.lost_by_identifiers().values()) == len(report.lost)


def test_siblings_that_outrank_a_match_are_told_from_the_cut() -> None:
    left = table(*(f"Norvik drill 18V red {i}" for i in range(4)))
    right = table(*(f"Norvik drill 18V red {i}" for i in range(4)), prefix="b")
    pair = [(0, 3)]
    outranked = measure_recall(block(left, right, BlockingPolicy(top_k=1, per_listing=1.0)), pair).lost
    cut = measure_recall(block(left, right, BlockingPolicy(top_k=4, per_listing=1.0)), pair).lost
    assert [lost.reason for lost in outranked] == [LossReason.OUTRANKED]
    assert (outranked[0].n_nearer_right, outranked[0].n_nearer_left) >= (1, 1)
    assert [lost.reason for lost in cut] == [LossReason.BELOW_CUT]


def test_without_a_similarity_channel_the_reason_says_so() -> None:
    report = measure_recall(block(LEFT, RIGHT, BlockingPolicy(("identifiers",), per_listing=0.01)), [(2, 2)])
    assert [lost.reason for lost in report.lost] == [LossReason.NOT_LOOKED_AT]


def test_titles_in_two_scripts_are_told_from_titles_that_have_nothing_in_common() -> None:
    left, right = table("전기 주전자", "Wasserkocher", "---"), table("electric kettle", "kettle", "lamp", prefix="b")
    lost = measure_recall(block(left, right), [(0, 0), (1, 1), (2, 2)]).lost
    assert [match.reason for match in lost] == [LossReason.OTHER_SCRIPT, LossReason.NO_COMMON_TEXT, LossReason.NO_COMMON_TEXT]


def test_a_match_that_identifiers_found_was_cut_and_not_outranked() -> None:
    shared = [Listing(f"a{i}", f"Norvik drill 18V red {i}", gtin=GTIN) for i in range(4)]
    left, right = [*shared, Listing("c", "Etui rouge", gtin=GTIN)], [*shared, Listing("d", "전기", gtin=GTIN)]
    for channels in (("identifiers", "characters"), ("identifiers",)):
        lost = measure_recall(block(left, right, BlockingPolicy(channels, top_k=1, per_listing=0.2)), [(0, 3), (4, 4)]).lost
        assert [match.reason for match in lost] == [LossReason.BELOW_CUT] * 2
        assert {match.channels for match in lost} == {("identifiers",)}
    unheard = measure_recall(block(left, right, BlockingPolicy(("characters",), top_k=1, per_listing=0.2)), [(0, 3), (4, 4)]).lost
    assert [match.reason for match in unheard] == [LossReason.OUTRANKED, LossReason.OTHER_SCRIPT]
    assert {match.channels for match in unheard} == {()}


def test_the_channels_that_found_a_lost_match_are_those_of_its_links() -> None:
    left = table(*(f"Norvik drill 18V red {i}" for i in range(4)))
    right = table(*(f"Norvik drill 18V red {i}" for i in range(4)), prefix="b")
    blocked = block(left, right, BlockingPolicy(top_k=4, per_listing=1.0))
    lost = measure_recall(blocked, [(0, 3)]).lost
    assert [match.channels for match in lost] == [("characters",)]
    found = {pair for _, links in blocked.links for pair in zip(links.left.tolist(), links.right.tolist(), strict=True)}
    assert (0, 3) in found
    assert kept(blocked) <= found


def test_progress_counts_rows_of_each_channel_to_the_end() -> None:
    events: list[ProgressEvent] = []
    block(LEFT, RIGHT, on_progress=events.append)
    last = {event.stage: (event.n_done, event.n_total) for event in events}
    assert last == {"identifiers": (8, 8), "characters": (4, 4), "ranking": (1, 1)}
    assert all(0 <= event.n_done <= event.n_total for event in events)
