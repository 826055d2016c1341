"""Damaged and disguised titles are read as the clean text, and every quote still stands in the raw text."""

from __future__ import annotations

import pytest

from epm.evidence.engine import read_texts
from epm.evidence.normalise import fold, tokens


def words(text: str) -> list[str]:
    return [token.key for token in tokens(fold("title", text))]


@pytest.mark.parametrize(
    ("damaged", "clean"),
    [
        ("GroÃŸe Flasche", "Große Flasche"),
        ("cafetiÃ¨re rÃ©servoir", "cafetière réservoir"),
        ("kettle â€“ 1.7 l", "kettle – 1.7 l"),
        ("fÃ¼r Zorin", "für Zorin"),
        ("nâ€™importe", "n’importe"),
        ("ðŸ”¥ kettle", "🔥 kettle"),
        ("Velta&nbsp;KX-120 &amp; lid", "Velta KX-120 & lid"),
        ("Velta &amp;quot;KX&amp;quot; &#8211; &#x31;", 'Velta "KX" – 1'),
        ("KX\u200b-120 ket\u00adtle\ufeff", "KX-120 kettle"),
        ("Vеltа KХ-120", "Velta KX-120"),
        ("ΚΗ-120 ΝΟΥΑ", "KH-120 NOYA"),
        ("Ｖｅｌｔａ ＫＸ－１２０", "Velta KX-120"),
        ("Velta\u00a0KX\u2011120\u3164kettle", "Velta KX-120 kettle"),
        ("𝐕𝐞𝐥𝐭𝐚 ⓀⓍ", "Velta KX"),
    ],
)
def test_damaged_text_is_read_as_what_it_was(damaged: str, clean: str) -> None:
    assert words(damaged) == words(clean)
    folded = fold("title", damaged)
    for token in tokens(folded):
        start, end = folded.place(token.start, token.end)
        assert words(damaged[start:end]) == [token.key]


@pytest.mark.parametrize("whole", ["NESCAFÉ® crème", "POKÉ™ ball", "CAFÉ “Ä” Å", "R&D; lab", "AT&T phone", "SÃO Â"])
def test_whole_text_is_left_alone(whole: str) -> None:
    folded = fold("title", whole)

    assert folded.place(0, len(folded.text)) == (0, len(whole.rstrip("™®")))
    assert len(folded.text) == len(whole.replace("™", "").replace("®", ""))


def test_a_quote_covers_the_whole_damaged_stretch() -> None:
    title = "Velta HÃ¼lle fÃ¼r Zorin Z9 GrÃ¼n&nbsp;neu"
    listing = read_texts({"title": title})

    assert [value.span.quote for value in listing.of("compatibility")] == ["fÃ¼r Zorin Z9 GrÃ¼n"]
    assert [(value.key, value.span.quote) for value in listing.of("colour")] == [("green", "GrÃ¼n")]


@pytest.mark.parametrize(
    ("title", "quote"),
    [
        ("Velta KX-120 FREE SHIPPING", "FREE SHIPPING"),
        ("Velta KX-120 【Sale】", "【Sale】"),
        ("Velta KX-120 nur 19,99 €", "nur 19,99 €"),
        ("Velta KX-120 $1,019.99", "$1,019.99"),
        ("Velta KX-120 19.900 KRW", "19.900 KRW"),
        ("Velta <b>KX-120</b>", "</b>"),
        ("Velta KX-120 무료배송", "무료배송"),
        ("Velta KX-120 -20% Rabatt", "-20% Rabatt"),
    ],
)
def test_noise_changes_nothing_and_is_kept_with_its_place(title: str, quote: str) -> None:
    listing = read_texts({"title": title})

    assert quote in {value.span.quote for value in listing.of("noise")}
    assert [value.key for value in listing.of("model")] == ["kx120"]
    assert listing.names == ()


def test_half_a_surrogate_pair_is_read_and_never_quoted() -> None:
    listing = read_texts({"title": "Velta\ud83d KX-120 for Zorin \ude00 Z9"})

    assert [value.key for value in listing.of("model")] == ["kx120"]
    assert all(value.span.quote.encode("utf-8") for values in listing.values.values() for value in values)


def test_an_entity_that_stands_for_nothing_is_read_as_nothing() -> None:
    listing = read_texts({"title": "Velta&#2; KX-120 kettle"})

    assert [value.key for value in listing.of("model")] == ["kx120"]
