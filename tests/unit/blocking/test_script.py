"""The script of most letters, whatever digits, widths and single foreign letters stand beside them."""

from __future__ import annotations

import pytest

from epm.blocking.script import main_script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Norvik drill 18V", "LATIN"),
        ("Küchenmaschine größe Ø", "LATIN"),
        ("ＮＯＲＶＩＫ", "LATIN"),
        ("전기 주전자 KX", "HANGUL"),
        ("чайник KX-120", "CYRILLIC"),
        ("電気ケトル", "CJK"),
        ("ケトル", "CJK"),
        ("120 — 18", None),
        ("", None),
    ],
)
def test_the_main_script(text: str, script: str | None) -> None:
    assert main_script(text) == script
