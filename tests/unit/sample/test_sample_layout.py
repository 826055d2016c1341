"""Open layouts: every part has one place, orders differ, and no layout of a fixed world comes up."""

from __future__ import annotations

import re
from random import Random

from epm.sample import World
from epm.sample.layout import fixed_templates, open_code_pattern, open_tag, open_template, templates
from epm.sample.names import open_name
from epm.sample.style import draw_style
from epm.sample.world import load_lexicon

SLOTS = {part.slot for part in templates(World.TEST)[0] if part.slot}


def test_every_open_layout_has_exactly_one_place_for_each_part() -> None:
    rng = Random(1)
    for _ in range(300):
        slots = [part.slot for part in open_template(rng, avoided=()) if part.slot]
        assert len(slots) == len(set(slots))
        assert set(slots) == SLOTS | {"promo", "tag"}


def test_open_layouts_are_many() -> None:
    rng = Random(2)
    assert len({open_template(rng, avoided=()) for _ in range(300)}) > 250


def test_an_avoided_layout_is_drawn_again() -> None:
    first = open_template(Random(2), avoided=())
    assert open_template(Random(2), avoided={first}) != first
    assert fixed_templates() == {*templates(World.TRAIN), *templates(World.TEST)}


def test_no_pretraining_seller_has_the_layout_of_a_fixed_world() -> None:
    rng, lexicon = Random(8), load_lexicon(World.PRETRAIN)
    assert not {draw_style(rng, lexicon).template for _ in range(500)} & fixed_templates()


def test_brand_stands_in_many_places_of_open_layouts() -> None:
    rng = Random(3)
    places = {[part.slot for part in open_template(rng, avoided=()) if part.slot].index("brand") for _ in range(300)}
    assert len(places) >= 10


def test_what_a_product_fits_stands_right_after_what_it_is() -> None:
    rng = Random(4)
    for _ in range(200):
        slots = [part.slot for part in open_template(rng, avoided=()) if part.slot and part.slot not in {"promo", "tag"}]
        assert slots.index("compat") == slots.index("type") + 1


def test_open_code_patterns_hold_a_digit_and_nothing_but_letters_digits_and_borders() -> None:
    rng = Random(5)
    drawn = {open_code_pattern(rng) for _ in range(300)}
    assert len(drawn) > 40
    for pattern in drawn:
        assert "#" in pattern
        assert re.fullmatch(r"[L#]+(-[L#]+)*", pattern)


def test_a_tag_is_a_mark_around_made_up_words() -> None:
    rng = Random(6)
    tags = [open_tag(rng, lambda: "brum") for _ in range(200)]
    assert all("brum" in tag.casefold() for tag in tags)
    assert {tag[0] for tag in tags} >= {"[", "(", "|", "~", "*"}


def test_some_open_names_are_joined_by_an_ampersand_as_in_the_fixed_worlds() -> None:
    rng = Random(7)
    assert any(" & " in open_name(rng) for _ in range(500))
