"""Labels follow from the relation, and the relation from what both texts say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from epm.errors import ConfigError
from epm.identity import STRICT
from epm.listing import Listing
from epm.rationale import AXIS_ATTRIBUTES, Axis, Comparison, Verdict
from epm.relation import Label, Relation
from epm.sample import SamplePair, World, generate
from epm.sample.generator import SHARES
from epm.student_prompt import DESCRIPTION_CHARS, FIELD_CHARS, TITLE_CHARS
from epm.student_text import parse, render

DECISIVE_QUANTITIES = {"size", "capacity"}


@pytest.mark.parametrize("world", list(World))
def test_every_relation_is_there_in_its_share(world: World, sample_of: Callable[[World], tuple[SamplePair, ...]]) -> None:
    sample = sample_of(world)
    counts = Counter(pair.pair.relation for pair in sample)
    assert {relation: round(share * len(sample)) for relation, share in SHARES.items()} == counts
    assert set(counts) == set(Relation)


def test_the_label_is_what_the_strict_rule_says_of_the_relation(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in all_pairs:
        assert sample.pair.gold_label == STRICT.label(sample.pair.relation) == sample.rationale.label
        assert (sample.rationale.relation, sample.rationale.factor) == (sample.pair.relation, sample.pair.factor)


def test_a_pair_matches_exactly_when_both_sides_are_one_product(all_pairs: tuple[SamplePair, ...]) -> None:
    for pair in (sample.pair for sample in all_pairs if sample.pair.gold_label is not None):
        assert (pair.left.cluster_id == pair.right.cluster_id) == (pair.gold_label is Label.MATCH), pair


def test_every_quote_stands_verbatim_on_its_side_of_what_a_student_reads(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in all_pairs:
        for comparison in _cells(sample):
            for quote, listing in ((comparison.left, sample.pair.left), (comparison.right, sample.pair.right)):
                assert quote is None or any(quote in text for text in _shown(listing)), (quote, listing)


def test_cells_follow_the_agreed_order_and_axis_verdicts_the_agreed_rule(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in all_pairs:
        for axis in Axis:
            finding = sample.rationale.finding(axis)
            places = [AXIS_ATTRIBUTES[axis].index(comparison.attribute) for comparison in finding.comparisons]
            assert places == sorted(set(places))
            verdicts = {comparison.verdict for comparison in finding.comparisons}
            expected = Verdict.DIFFERENT if Verdict.DIFFERENT in verdicts else Verdict.SAME if Verdict.SAME in verdicts else Verdict.UNKNOWN
            assert finding.verdict is expected


def test_every_rationale_survives_the_student_text_and_back(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in all_pairs:
        assert parse(render(sample.rationale)) == sample.rationale


def test_a_match_says_nothing_different_and_confirms_the_model(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in _of(all_pairs, Relation.EXACT):
        assert not _differing(sample), sample
        same = {comparison.attribute for comparison in _cells(sample) if comparison.verdict is Verdict.SAME}
        assert "brand" in same
        assert same & {"model", "name", "compatibility"}


def test_a_match_is_never_silent_about_size_or_capacity_on_one_side(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in _of(all_pairs, Relation.EXACT):
        assert not [c for c in _cells(sample) if c.attribute in DECISIVE_QUANTITIES and c.verdict is Verdict.UNKNOWN]


def test_a_different_model_shows_the_difference_on_both_sides(all_pairs: tuple[SamplePair, ...]) -> None:
    core = set(AXIS_ATTRIBUTES[Axis.CORE])
    for sample in _of(all_pairs, Relation.DIFFERENT):
        assert _differing(sample) & core, sample


def test_a_variant_agrees_in_its_core_and_shows_its_variation_on_both_sides(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in _of(all_pairs, Relation.VARIANT):
        assert sample.rationale.core.verdict is Verdict.SAME
        assert _differing(sample) & {"colour", "size", "capacity", "region"}, sample
        assert not _differing(sample) & {"pack", "bundle", "condition"}


@pytest.mark.parametrize(
    ("relation", "attribute"), [(Relation.OTHER_PACK, "pack"), (Relation.BUNDLE_OF, "bundle"), (Relation.CONDITION, "condition")]
)
def test_an_unstated_default_is_the_only_decisive_silence(all_pairs: tuple[SamplePair, ...], relation: Relation, attribute: str) -> None:
    for sample in _of(all_pairs, relation):
        cell = next(comparison for comparison in _cells(sample) if comparison.attribute == attribute)
        assert cell.verdict is not Verdict.SAME
        assert (None in (cell.left, cell.right)) == (cell.verdict is Verdict.UNKNOWN)
        assert _differing(sample) <= {attribute, "gtin", "mpn"}


def test_an_accessory_names_its_host_and_differs_in_type(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in _of(all_pairs, Relation.ACCESSORY_FOR):
        cells = {comparison.attribute: comparison for comparison in _cells(sample)}
        assert (cells["compatibility"].left is None) != (cells["compatibility"].right is None)
        assert cells["type"].verdict is Verdict.DIFFERENT


def test_an_undecidable_pair_is_silent_on_one_side_about_a_quantity_and_shares_no_identifier(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in _of(all_pairs, Relation.UNDECIDABLE):
        silent = [c for c in _cells(sample) if c.attribute in DECISIVE_QUANTITIES]
        assert len(silent) == 1
        assert (silent[0].left is None) != (silent[0].right is None)
        assert not _differing(sample)
        assert sample.rationale.identifier.comparisons == ()


def test_the_factor_is_the_ratio_of_the_numbers_both_packs_state(all_pairs: tuple[SamplePair, ...]) -> None:
    for sample in _of(all_pairs, Relation.OTHER_PACK):
        cell = next(comparison for comparison in _cells(sample) if comparison.attribute == "pack")
        sizes = sorted(_number(quote) for quote in (cell.left, cell.right))
        assert sizes[0] * sample.pair.factor == sizes[1]


def test_values_written_in_two_ways_are_the_same(all_pairs: tuple[SamplePair, ...]) -> None:
    same = [(c.left, c.right) for sample in all_pairs for c in _cells(sample) if c.verdict is Verdict.SAME]
    rewritten = {(left, right) for left, right in same if left.casefold() != right.casefold()}
    assert any("ml" in left and right.endswith("l") and "ml" not in right for left, right in rewritten)
    assert {("schwarz", "black"), ("black", "schwarz")} & {(left.casefold(), right.casefold()) for left, right in rewritten}


def test_listing_ids_are_unique_and_products_come_back_in_other_pairs(sample_of: Callable[[World], tuple[SamplePair, ...]]) -> None:
    listings = [listing for sample in sample_of(World.TEST) for listing in (sample.pair.left, sample.pair.right)]
    assert len({listing.id for listing in listings}) == len(listings)
    pairs_of_product = Counter(
        product for sample in sample_of(World.TEST) for product in {sample.pair.left.cluster_id, sample.pair.right.cluster_id}
    )
    assert sum(count > 1 for count in pairs_of_product.values()) > 0.2 * len(pairs_of_product)


@pytest.mark.parametrize("world", list(World))
def test_titles_stay_short_and_fields_are_filled_now_and_then(world: World, sample_of: Callable[[World], tuple[SamplePair, ...]]) -> None:
    listings = [listing for sample in sample_of(world) for listing in (sample.pair.left, sample.pair.right)]
    lengths = sorted(len(listing.title) for listing in listings)
    assert lengths[len(lengths) // 2] <= 60
    assert lengths[int(0.95 * len(lengths))] <= 100
    assert 0.25 < _share(listings, "mpn") < 0.5
    assert 0.15 < _share(listings, "gtin") < 0.35
    assert 0.08 < _share(listings, "description") < 0.25
    assert 0.12 < _share(listings, "brand") < 0.4


def test_two_offers_of_one_pair_cost_not_the_same(all_pairs: tuple[SamplePair, ...]) -> None:
    assert sum(sample.pair.left.price == sample.pair.right.price for sample in all_pairs) < 0.02 * len(all_pairs)


def test_a_negative_number_of_pairs_is_refused_and_zero_gives_none() -> None:
    assert generate(World.TRAIN, 0, seed=1) == []
    with pytest.raises(ConfigError, match="-3"):
        generate(World.TRAIN, -3, seed=1)


def _of(samples: Sequence[SamplePair], relation: Relation) -> list[SamplePair]:
    chosen = [sample for sample in samples if sample.pair.relation is relation]
    assert chosen
    return chosen


def _cells(sample: SamplePair) -> list[Comparison]:
    return [comparison for axis in Axis for comparison in sample.rationale.finding(axis).comparisons]


def _differing(sample: SamplePair) -> set[str]:
    return {comparison.attribute for comparison in _cells(sample) if comparison.verdict is Verdict.DIFFERENT}


def _shown(listing: Listing) -> list[str]:
    fields = [value[:FIELD_CHARS] for value in (listing.brand, listing.mpn, listing.gtin, *listing.attributes.values()) if value]
    return [listing.title[:TITLE_CHARS], *fields, (listing.description or "")[:DESCRIPTION_CHARS]]


def _number(quote: str | None) -> int:
    return 1 if quote is None else int("".join(char for char in quote if char.isdigit()))


def _share(listings: Sequence[Listing], field: str) -> float:
    return sum(getattr(listing, field) is not None for listing in listings) / len(listings)
