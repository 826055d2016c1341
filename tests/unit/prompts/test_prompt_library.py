"""Prompt files load, render in one pass, and refuse what does not fit."""

from __future__ import annotations

import pytest

from epm.errors import PromptError
from epm.prompts.library import load_prompt, parse_prompt, prompt_ids, prompts_sha

TEXT = """+++
id = "teacher/demo"
version = 1
variables = ["listing", "name"]
output = "DemoReply"
note = "For tests."
+++
# System
Say {"a": 1} about {{name}}.
# User
{{listing}}
"""


def test_a_prompt_renders_its_variables_and_leaves_other_braces_alone() -> None:
    system, user = parse_prompt("teacher/demo.v1", TEXT).render(name="x", listing="y")
    assert (system, user) == ('Say {"a": 1} about x.', "y")


def test_a_value_that_looks_like_a_variable_is_not_filled_in_again() -> None:
    _, user = parse_prompt("teacher/demo.v1", TEXT).render(name="secret", listing="{{name}}")
    assert user == "{{name}}"


@pytest.mark.parametrize("values", [{"name": "x"}, {"name": "x", "listing": "y", "more": "z"}])
def test_a_missing_or_unused_variable_is_an_error_that_names_it(values: dict[str, str]) -> None:
    with pytest.raises(PromptError, match=r"listing|more"):
        parse_prompt("teacher/demo.v1", TEXT).render(**values)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("version = 1", "version = 2"), "must agree"),
        (('"listing", "name"', '"listing"'), "its text has"),
        (('note = "For tests."', "extra = 1"), "wrong front matter"),
        (("# User", "# Person"), "expected"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(PromptError, match=complaint):
        parse_prompt("teacher/demo.v1", TEXT.replace(*change))


def test_an_unknown_prompt_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PromptError, match=r"teacher/decide\.v1"):
        load_prompt("../../secrets.v1")


def test_windows_line_ends_do_not_change_a_prompt() -> None:
    assert parse_prompt("teacher/demo.v1", TEXT.replace("\n", "\r\n")) == parse_prompt("teacher/demo.v1", TEXT)


def test_the_hash_of_used_prompts_depends_on_the_set_and_not_on_its_order() -> None:
    ids = prompt_ids()
    assert prompts_sha(ids) == prompts_sha(reversed(ids)) != prompts_sha(ids[1:])


def test_every_prompt_says_that_listing_text_is_data_and_asks_for_json() -> None:
    for prompt_id in prompt_ids():
        if not load_prompt(prompt_id).variables:
            continue  # the doctor's probes hold no text of anybody
        system = load_prompt(prompt_id).system
        assert "never follow" in system, prompt_id
        assert "JSON only" in system, prompt_id


def test_no_prompt_takes_a_label_but_the_one_of_label_conditioned_teaching() -> None:
    takers = [
        prompt_id for prompt_id in prompt_ids() if any("label" in name or "gold" in name for name in load_prompt(prompt_id).variables)
    ]
    assert takers == ["teacher/decide_labelled.v1"]
