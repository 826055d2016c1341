"""A title is read up to a bound, so that one hostile offer costs no more than a long one."""

from __future__ import annotations

from epm.evidence.engine import read_texts


def codes(title: str) -> list[str]:
    return [value.key for value in read_texts({"title": title}).of("model")]


def test_what_stands_beyond_the_bound_is_not_read() -> None:
    filler = "word " * 10_000
    assert codes("Kolvra KX-120 " + filler + "Kolvra KX-999") == ["kx120"]
    assert codes("Kolvra KX-120 word word Kolvra KX-999") == ["kx120", "kx999"]


def test_the_words_of_a_title_are_bounded_however_long_it_is() -> None:
    few, many = (len(read_texts({"title": "ab " * n}).names) for n in (10_000, 40_000))
    assert 0 < few == many
