from dataclasses import replace

import pytest

from epm.distill.fitting import fit_prompt
from epm.pair import Pair
from epm.student_prompt import Mode, render_prompt


def count_chars(text: str) -> int:
    return len(text)


def test_a_prompt_that_fits_stays_as_it_is(pair: Pair) -> None:
    prompt = render_prompt(pair)
    assert fit_prompt(prompt, len(prompt), count_chars) == prompt


@pytest.mark.parametrize("limit", [60, 100, 200, 300])
def test_a_long_prompt_keeps_its_structure_and_its_question(pair: Pair, limit: int) -> None:
    long = replace(pair, left=replace(pair.left, title="long title " * 60, description="words " * 80))
    fitted = fit_prompt(render_prompt(long, Mode.LABEL), limit, count_chars)
    assert len(fitted) <= limit
    assert fitted.startswith("<left>long")
    assert fitted.endswith("</right><decide>\n")


def test_the_longer_listing_is_cut_first(pair: Pair) -> None:
    long = replace(pair, left=replace(pair.left, title="long title " * 60))
    fitted = fit_prompt(render_prompt(long), 150, count_chars)
    assert f"<right>{pair.right.title}</right>" in fitted
    assert f"<left>{pair.right.title}</left>" in fit_prompt(render_prompt(long.swapped()), 150, count_chars)
    assert fitted.index("</left>") > 2 * len(pair.right.title)


def test_a_prompt_that_can_never_fit_ends(pair: Pair) -> None:
    fitted = fit_prompt(render_prompt(replace(pair, left=replace(pair.left, title="x" * 500))), 5, count_chars)
    assert fitted.endswith("<explain>\n")
    assert len(fitted) < 80


def test_text_that_is_no_student_prompt_is_left_alone() -> None:
    assert fit_prompt("hello " * 50, 10, count_chars) == "hello " * 50
