"""What may be read from a description, from the end of a code and from the order of words, and what may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.compare import compare_parsed
from epm.evidence.engine import PairEvidence, compare, read_listing
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Relation

MakePair = Callable[..., Pair]
CompareTitles = Callable[..., PairEvidence]


def test_the_only_colour_of_a_description_speaks_where_the_title_is_silent(make_pair: MakePair) -> None:
    left = {"title": "Kolvra KX-1200 kettle black"}

    def relation(description: str) -> Relation:
        return compare(make_pair(left, {"title": "Kolvra KX-1200 kettle", "description": description})).relation

    assert relation("1.7 l, white") is Relation.VARIANT
    assert relation("1.7 l, comes in white or red") is Relation.EXACT


def test_a_code_that_only_the_other_description_writes_is_shared(make_pair: MakePair) -> None:
    right = {"title": "Kolvra electric water heater", "description": "Part number KXT12047, 1.7 l"}

    assert any(atom.rule == "model-described" for atom in compare(make_pair("Kolvra kettle KXT12047", right)).atoms)


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ("Kolvra kettle KXT1204W", "Kolvra kettle KXT1204/BK", Relation.VARIANT),
        ("Orvela Studio 2", "Orvela Studio 2 for Mac", Relation.EXACT),
        ("Kolvra KX-1200 kettle", "Kolvra KX-1200 kettle with 9 heating programs", Relation.EXACT),
        ("Kolvra KX-1200 kettle", "Kolvra KX-1200 kettle with cup", Relation.BUNDLE_OF),
        ("Velta lemonade 330 ml", "Velta lemonade 330 ml lote de 3", Relation.OTHER_PACK),
        ("Velta lemonade 330 ml", "lemonade 330 ml 6x VELTA", Relation.OTHER_PACK),
        ("Orvela binoculars black 10x zoom", "Orvela binoculars 10x zoom black", Relation.EXACT),
        ("Orvela Writer 9.0 professional", "Orvela Writer 9 pro", Relation.EXACT),
        ("Orvela Writer 9 upgrade", "Orvela Writer 9", Relation.DIFFERENT),
    ],
)
def test_the_relation_follows_from_suffixes_phrases_and_versions(
    compare_titles: CompareTitles, left: str, right: str, relation: Relation
) -> None:
    assert compare_titles(left, right).relation is relation


def test_a_code_keeps_the_colour_inside_it() -> None:
    (code,) = read_listing(Listing("x", "Velta case KV15-BLK-SEE-V2")).of("model")

    assert (code.key, code.span.quote) == ("kv15blkseev2", "KV15-BLK-SEE-V2")


def test_hyphenated_letters_without_vowels_are_a_code_and_words_are_none() -> None:
    assert [v.key for v in read_listing(Listing("x", "Velta mount KXB-TRL")).of("model")] == ["kxbtrl"]
    assert read_listing(Listing("x", "Velta semi-automatic all-in-one")).of("model") == ()


def test_a_contained_code_is_as_telling_from_either_side() -> None:
    sides = [read_listing(Listing(title, title)) for title in ("NNAKX-120 lamp Marvehade", "KX-120 desk lamp")]
    strengths = [
        atom.strength for pair in (sides, sides[::-1]) for atom in compare_parsed(*pair).of("model") if atom.rule == "model-shared"
    ]
    assert len(strengths) == 2
    assert strengths[0] == strengths[1] < 1.0
