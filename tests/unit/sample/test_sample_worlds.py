"""The three worlds share no brand, no line, no template, and two categories wait for the test."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest

from epm.listing import Listing
from epm.sample import SamplePair, World
from epm.sample.layout import templates
from epm.sample.world import LANGUAGES, load_lexicon, named_words, shared_words

NOISE_SLOTS = {"promo", "tag"}
MEANING_SLOTS = {
    "brand", "line", "code", "edition", "gen", "type", "compat", "colour", "size", "capacity", "pack", "bundle", "cond", "region",
}  # fmt: skip


@pytest.mark.parametrize(("first", "second"), list(combinations(World, 2)))
def test_two_worlds_share_no_brand_line_template_tag_or_promotion(first: World, second: World) -> None:
    one, two = load_lexicon(first).words, load_lexicon(second).words
    assert not {name.casefold() for name in one.brands} & {name.casefold() for name in two.brands}
    assert not {name.casefold() for name in one.lines} & {name.casefold() for name in two.lines}
    assert not set(templates(first)) & set(templates(second))
    assert not set(one.tags) & set(two.tags)
    for language in LANGUAGES:
        assert not {word.casefold() for word in one.promo[language]} & {word.casefold() for word in two.promo[language]}
        assert not set(one.filler[language]) & set(two.filler[language])


def test_generated_offers_of_two_worlds_share_no_brand(sample_of: Callable[[World], tuple[SamplePair, ...]]) -> None:
    brands = {world: {_brand(listing) for pair in sample_of(world) for listing in (pair.pair.left, pair.pair.right)} for world in World}
    for first, second in combinations(World, 2):
        assert not (brands[first] & brands[second]) - {None}


@pytest.mark.parametrize("world", [World.TRAIN, World.TEST])
def test_a_fixed_world_has_at_least_40_brands_once_each(world: World) -> None:
    brands = [brand.casefold() for brand in load_lexicon(world).words.brands]
    assert len(set(brands)) == len(brands) >= 40


def test_train_and_test_codes_use_no_common_letter() -> None:
    assert not set(load_lexicon(World.TRAIN).words.code_letters) & set(load_lexicon(World.TEST).words.code_letters)


def test_exactly_two_categories_are_seen_in_the_test_alone(sample_of: Callable[[World], tuple[SamplePair, ...]]) -> None:
    seen = {world: {pair.pair.left.category for pair in sample_of(world)} for world in World}
    assert seen[World.TEST] - seen[World.TRAIN] - seen[World.PRETRAIN] == {"garden", "cycling"}
    assert len(seen[World.TRAIN]) >= 12
    assert seen[World.TEST] == set(load_lexicon(World.TEST).categories)


def test_no_word_of_an_unseen_category_is_known_to_another_world() -> None:
    test, train = load_lexicon(World.TEST).categories, load_lexicon(World.TRAIN).categories
    known = {word for category in train.values() for words in category.types for word in words}
    unseen = {word for name in set(test) - set(train) for words in test[name].types for word in words}
    assert len(unseen) >= 16
    assert not known & unseen


@pytest.mark.parametrize("world", list(World))
def test_every_template_has_a_place_for_everything_a_listing_can_say(world: World) -> None:
    for template in templates(world):
        slots = [part.slot for part in template if part.slot]
        assert len(slots) == len(set(slots))
        assert set(slots) - NOISE_SLOTS == MEANING_SLOTS


def test_every_translated_list_has_all_five_languages() -> None:
    words = shared_words()
    assert all(len(translations) == 5 for translations in words.colours.values())
    for table in (
        words.pack,
        words.size,
        words.inch,
        words.bundle,
        words.compatibility,
        *words.condition.values(),
        *words.attribute.values(),
    ):
        assert set(table) == set(LANGUAGES)
    for category in load_lexicon(World.TEST).categories.values():
        assert all(len(translations) == 5 for translations in (*category.types, *category.accessories, *category.extras))


def test_two_colours_have_no_word_in_common() -> None:
    spellings = [{word for translation in translations for word in translation} for translations in shared_words().colours.values()]
    for first, second in combinations(spellings, 2):
        assert not first & second


def test_the_open_world_invents_its_names(sample_of: Callable[[World], tuple[SamplePair, ...]]) -> None:
    brands = {_brand(listing) for pair in sample_of(World.PRETRAIN) for listing in (pair.pair.left, pair.pair.right)} - {None}
    assert len(brands) > 60
    assert not brands & named_words()


def _brand(listing: Listing) -> str | None:
    return listing.brand and listing.brand.casefold()
