"""Two quotes have something in common by a word or by the engine's reading, or nobody here can tell."""

from __future__ import annotations

import pytest

from epm.judges.common_token import has_common_token


@pytest.mark.parametrize(
    ("left", "right"),
    [("1.7 L", "1700 ml"), ("black", "schwarz"), ("KX-120", "kx120b"), ("\u0447\u0430\u0439\u043d\u0438\u043a", "kettle")],
)
def test_equal_values_in_other_words_have_a_common_token(left: str, right: str) -> None:
    assert has_common_token(left, right)


@pytest.mark.parametrize(("left", "right"), [("black", "red"), ("Kolvra", "Zem"), ("espresso machine", "toaster"), ("1.7 L", "900 ml")])
def test_unlike_values_have_none(left: str, right: str) -> None:
    assert not has_common_token(left, right)
