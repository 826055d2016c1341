from __future__ import annotations

from epm.cli.marked_title import Mark, marked_parts, plain_title


def test_of_overlapping_marks_the_weightier_wins_and_nothing_is_lost() -> None:
    title = "red kettle KX-120"
    marks = [Mark(0, 10, "?"), Mark(4, 10, "="), Mark(0, 3, "!"), Mark(11, 17, "=")]

    assert list(marked_parts(title, marks)) == [("red", "!"), (" ", ""), ("kettle", "="), (" ", ""), ("KX-120", "=")]
    assert plain_title(title, marks) == "[!red] [=kettle] [=KX-120]"


def test_neighbouring_marks_of_one_sign_stay_two() -> None:
    assert plain_title("KX120", [Mark(0, 2, "="), Mark(2, 5, "=")]) == "[=KX][=120]"


def test_a_title_without_marks_or_words_stays_as_it_is() -> None:
    assert plain_title("", []) == ""
    assert plain_title("a\tb\x1b", []) == "a b "
