"""One product has one key, however it is written; two products have two."""

from __future__ import annotations

import pytest

from epm.knowledge.entity import entity_key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Kolvra KX-120", "kolvra:kx120"), ("kolvra  kx120 kettle", "kolvra:kx120"), ("KOLVRA KX 120", "kolvra:kx120"), ("kolvra:kx120", "kolvra:kx120"),
        ("Sony Cyber-shot DSC-W120", "sony:dscw120"), ("sony dscw120", "sony:dscw120"), ("Apple iPhone 12", "apple:12 iphone"), ("iphone 12 Apple", "apple:12 iphone"),
        ("", ""), ("???", "???"),
    ],
)  # fmt: skip
def test_a_product_has_one_key_however_it_is_written(written: str, key: str) -> None:
    assert entity_key(written) == key
    assert entity_key(key) == key


@pytest.mark.parametrize(
    ("one", "other"), [("kolvra kx-120", "kolvra kx-130"), ("apple iphone 12", "apple iphone 12 pro"), ("kolvra kx-120", "fendal kx-120")]
)
def test_two_products_have_two_keys(one: str, other: str) -> None:
    assert entity_key(one) != entity_key(other)
