"""Agreement of raters, against figures worked out by hand and from the literature."""

from __future__ import annotations

import pytest

from epm.eval.rater_agreement import rater_agreement
from epm.review.answer import Answer, Review

M, N, U = Answer.MATCH, Answer.NO_MATCH, Answer.UNSURE


def reviews(**answers: list[Answer | None]) -> list[Review]:
    """Each rater's answers to p0, p1, …; ``None`` where they gave none."""
    return [
        Review("run", f"p{i}", rater, answer, None, None, 0.0)
        for rater, given in answers.items()
        for i, answer in enumerate(given)
        if answer is not None
    ]


def test_cohens_kappa_of_two_by_hand() -> None:
    # 10 items, 7 agree; ann says match 6 times, bob 5 times: chance 0.6 * 0.5 + 0.4 * 0.5 = 0.5
    [two] = rater_agreement(reviews(ann=[M] * 6 + [N] * 4, bob=[M] * 4 + [N] * 2 + [M] + [N] * 3)).pairs
    assert (two.one, two.other, two.n) == ("ann", "bob", 10)
    assert two.raw.value == pytest.approx(0.7)
    assert two.cohen_kappa.value == pytest.approx(0.4)


def test_krippendorffs_alpha_of_two_by_hand() -> None:
    # Krippendorff (2011), nominal data, two observers, no missing data: coincidences o_01 = 4, n_0 = 14, n_1 = 6, n = 20
    one = [N, M, N, N, N, N, N, N, M, N]
    other = [M, M, M, N, N, M, N, N, N, N]
    report = rater_agreement(reviews(ann=one, bob=other))
    assert (report.n, report.n_split) == (10, 4)
    assert report.krippendorff_alpha.value == pytest.approx(1 - 19 * 8 / (2 * 14 * 6))


def test_alpha_takes_items_that_not_everybody_answered_and_leaves_out_those_of_one_rater() -> None:
    # p0 MMM, p1 MN-, p2 -NN, p3 U--: values M 4, N 3, n 7; disagreement 2 / (2 - 1) of p1 alone
    report = rater_agreement(reviews(ann=[M, M, None, U], bob=[M, N, N, None], cid=[M, None, N, None]))
    assert (report.n, report.n_split, dict(report.n_by_rater)) == (3, 1, {"ann": 3, "bob": 3, "cid": 2})
    assert report.krippendorff_alpha.value == pytest.approx(1 - 6 * 2 / (49 - 16 - 9))
    assert [(two.one, two.other, two.n) for two in report.pairs] == [("ann", "bob", 2), ("ann", "cid", 1), ("bob", "cid", 2)]


def test_intervals_hold_the_figure_and_shrink_with_more_items() -> None:
    ann, bob = [M, M, N, N, U, M, N, M], [M, N, N, N, U, M, M, M]
    few, many = rater_agreement(reviews(ann=ann, bob=bob)), rater_agreement(reviews(ann=ann * 20, bob=bob * 20))
    widths = []
    for report in (few, many):
        for figure in (report.krippendorff_alpha, report.pairs[0].raw, report.pairs[0].cohen_kappa):
            assert figure.value is not None
            assert figure.ci95 is not None
            assert figure.ci95[0] < figure.value < figure.ci95[1]
            widths.append(figure.ci95[1] - figure.ci95[0])
    assert all(wide > 2 * narrow for wide, narrow in zip(widths[:3], widths[3:], strict=True))
    assert rater_agreement(reviews(ann=ann, bob=bob)) == few


def test_what_is_undefined_is_none_and_never_a_number() -> None:
    always = rater_agreement(reviews(ann=[M, M], bob=[M, M]))
    assert (always.krippendorff_alpha.value, always.pairs[0].cohen_kappa.value, always.pairs[0].raw.value) == (None, None, 1.0)
    apart = rater_agreement(reviews(ann=[M, None], bob=[None, M]))
    assert (apart.n, apart.krippendorff_alpha.value, apart.pairs[0].n, apart.pairs[0].raw.value) == (0, None, 0, None)
    assert rater_agreement([]).pairs == ()
    single = rater_agreement(reviews(ann=[M], bob=[N]))
    assert single.krippendorff_alpha.ci95 is None


def test_full_agreement_is_one_and_unsure_is_a_category() -> None:
    report = rater_agreement(reviews(ann=[M, N, U], bob=[M, N, U]))
    assert report.krippendorff_alpha.value == 1.0
    assert report.pairs[0].cohen_kappa.value == 1.0
    assert rater_agreement(reviews(ann=[M, N, M], bob=[M, N, U])).n_split == 1
