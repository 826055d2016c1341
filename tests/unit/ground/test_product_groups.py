from __future__ import annotations

import random

from epm.product_groups import ProductGroups


def groups_of(*joins: tuple[str, str]) -> ProductGroups[str]:
    groups = ProductGroups[str]()
    for first, second in joins:
        groups.join(first, second)
    return groups


def test_a_key_that_nothing_joins_is_a_group_of_its_own() -> None:
    groups = groups_of(("a", "b"))
    assert groups.root("c") == "c"
    assert groups.root("a") != groups.root("c")


def test_what_is_joined_through_others_is_one_group() -> None:
    groups = groups_of(("a", "b"), ("c", "d"), ("b", "c"), ("x", "y"))
    assert len({groups.root(key) for key in "abcd"}) == 1
    assert groups.root("x") == groups.root("y") != groups.root("a")


def test_the_root_of_the_second_key_stands_for_both_groups() -> None:
    groups = groups_of(("a", "b"), ("b", "c"))
    assert {groups.root(key) for key in "abc"} == {"c"}


def test_a_key_that_joins_a_second_time_takes_its_group_along() -> None:
    groups = groups_of(("a", "b"), ("a", "c"))
    assert {groups.root(key) for key in "abc"} == {"c"}


def test_joining_again_or_with_itself_changes_nothing() -> None:
    groups = groups_of(("a", "b"), ("a", "b"), ("b", "a"), ("a", "a"))
    assert {groups.root(key) for key in "ab"} == {"b"}


def test_keys_come_back_once_and_in_the_order_in_which_they_came() -> None:
    groups = groups_of(("c", "a"), ("a", "b"))
    groups.root("0")
    assert list(groups) == ["c", "a", "b", "0"]


def test_the_groups_do_not_depend_on_the_order_of_the_joins() -> None:
    joins = [(str(i), str(i + 3)) for i in range(60)]
    partitions = set()
    for seed in range(5):
        random.Random(seed).shuffle(joins)
        groups = groups_of(*joins)
        partitions.add(frozenset(frozenset(k for k in groups if groups.root(k) == root) for root in {groups.root(key) for key in groups}))
    assert partitions == {frozenset(frozenset(str(i) for i in range(start, 63, 3)) for start in range(3))}


def test_a_chain_of_a_hundred_thousand_keys_needs_no_recursion() -> None:
    groups = ProductGroups[int]()
    for i in range(100_000):
        groups.join(i + 1, i)
    assert groups.root(100_000) == 0
