"""What six languages say about packs, colours, conditions, targets and markets; all products are invented."""

from __future__ import annotations

import pytest

from epm.evidence.engine import read_texts

CASES = {
    "english": [
        ("Velta batteries pack of 6", "pack", "6"),
        ("Velta batteries 2 packs of 6", "pack", "12"),
        ("Velta socks 3 pairs", "pack", "3"),
        ("Velta eggs 2 dozen", "pack", "24"),
        ("Velta water 6 bottles of 1.5 l", "pack", "6"),
        ("Velta kettle pre-owned", "condition", "used"),
        ("Velta case compatible with Zorin Z9", "compatibility", "zorin z9"),
        ("Velta keyboard US layout", "region", "us"),
        ("Velta charger UK plug", "region", "uk"),
        ("Velta game NTSC", "region", "us"),
        ("Velta book English edition", "region", "en"),
        ("Velta kettle navy blue", "colour", "blue"),
    ],
    "german": [
        ("Velta Batterien 6er Pack", "pack", "6"),
        ("Velta Seife 2 x 6er Pack", "pack", "12"),
        ("Velta Batterien x 24 stk", "pack", "24"),
        ("Velta Becher 2.000 Stück", "pack", "2000"),
        ("Velta Socken 3 Paar", "pack", "3"),
        ("Velta Saft 6 Flaschen à 0,5 l", "pack", "6"),
        ("Velta Kamera generalüberholt", "condition", "refurbished"),
        ("Velta Hülle passend für Zorin Z9", "compatibility", "zorin z9"),
        ("Velta Akku kompatibel mit Zorin Z9", "compatibility", "zorin z9"),
        ("Velta Tastatur QWERTZ", "region", "de"),
        ("Velta Kessel UK-Stecker", "region", "uk"),
        ("Velta Spiel deutsche Version", "region", "de"),
        ("Velta Lampe dunkelblau", "colour", "blue"),
    ],
    "french": [
        ("Velta savon lot de 3", "pack", "3"),
        ("Velta savon lot de 2 x 6 pièces", "pack", "12"),
        ("Velta capsules boîte de 30", "pack", "30"),
        ("Velta eau 6 bouteilles de 1,5 l", "pack", "6"),
        ("Velta bouilloire reconditionnée", "condition", "refurbished"),
        ("Velta casque d'occasion", "condition", "used"),
        ("Velta coque compatible avec Zorin Z9", "compatibility", "zorin z9"),
        ("Velta coque pour Zorin Z9", "compatibility", "zorin z9"),
        ("Velta clavier AZERTY", "region", "fr"),
        ("Velta jeu version française", "region", "fr"),
        ("Velta cafetière prise UK", "region", "uk"),
        ("Velta casque bleu marine", "colour", "blue"),
    ],
    "spanish": [
        ("Velta pilas pack de 6", "pack", "6"),
        ("Velta jabón 3 unidades", "pack", "3"),
        ("Velta calcetines 5 pares", "pack", "5"),
        ("Velta agua 6 botellas de 1,5 l", "pack", "6"),
        ("Velta hervidor reacondicionado", "condition", "refurbished"),
        ("Velta auriculares de segunda mano", "condition", "used"),
        ("Velta funda compatible con Zorin Z9", "compatibility", "zorin z9"),
        ("Velta funda para Zorin Z9", "compatibility", "zorin z9"),
        ("Velta teclado QWERTY español", "region", "es"),
        ("Velta juego versión española", "region", "es"),
        ("Velta camiseta azul marino", "colour", "blue"),
    ],
    "italian": [
        ("Velta pile confezione da 4", "pack", "4"),
        ("Velta sapone 3 pezzi", "pack", "3"),
        ("Velta calze 5 paia", "pack", "5"),
        ("Velta acqua 6 bottiglie da 1,5 l", "pack", "6"),
        ("Velta bollitore ricondizionato", "condition", "refurbished"),
        ("Velta fotocamera usata", "condition", "used"),
        ("Velta cover compatibile con Zorin Z9", "compatibility", "zorin z9"),
        ("Velta cover per Zorin Z9", "compatibility", "zorin z9"),
        ("Velta gioco versione italiana", "region", "it"),
        ("Velta caricatore presa EU", "region", "eu"),
        ("Velta bollitore nero", "colour", "black"),
    ],
    "korean": [
        ("Velta 건전지 3개입", "pack", "3"),
        ("Velta 라면 5봉", "pack", "5"),
        ("Velta 커피 24캔", "pack", "24"),
        ("Velta 양말 10켤레", "pack", "10"),
        ("Velta 전기포트 리퍼", "condition", "refurbished"),
        ("Velta 이어폰 중고", "condition", "used"),
        ("Velta 키보드 미개봉", "condition", "new"),
        ("Velta 케이스 Zorin Z9 호환", "compatibility", "zorin z9"),
        ("Velta Zorin Z9용 케이스", "compatibility", "zorin z9"),
        ("Velta 게임 한국어판", "region", "kr"),
        ("Velta 키보드 검은색", "colour", "black"),
        ("Velta 전기포트 1.7L 화이트", "colour", "white"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("title", "attribute", "key"), [case for cases in CASES.values() for case in cases])
def test_each_language_says_the_same_in_its_own_words(title: str, attribute: str, key: str) -> None:
    values = read_texts({"title": title}).of(attribute)

    assert [value.key for value in values] == [key]
    assert title[values[0].span.start : values[0].span.end] == values[0].span.quote


@pytest.mark.parametrize("title", ["Velta us and them", "Velta pen pal set", "Velta Spiel vf"])
def test_a_mark_that_is_a_word_too_counts_only_in_capitals(title: str) -> None:
    assert read_texts({"title": title}).of("region") == ()


def test_a_plug_after_with_is_no_addition() -> None:
    assert read_texts({"title": "Velta charger with UK plug"}).of("bundle") == ()
    assert [value.key for value in read_texts({"title": "Velta charger with case"}).of("bundle")] == ["case"]
