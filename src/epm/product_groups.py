"""Which listings are one product: keys that were said to be the same, joined directly or through others.

groups = ProductGroups()
groups.join("a", "b")
groups.root("a") == groups.root("b")
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class ProductGroups(Generic[K]):
    """Groups of keys (a union-find); a key that was only asked for is a group of its own."""

    def __init__(self) -> None:
        self._parents: dict[K, K] = {}

    def root(self, key: K) -> K:
        """The key that stands for the group of ``key``, the same for all of its members."""
        parents = self._parents
        parents.setdefault(key, key)
        while parents[key] != key:
            # paths are halved on the way, so that long chains of matches stay cheap
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    def join(self, first: K, second: K) -> None:
        """Make the groups of both keys one, for which the root of ``second`` stands."""
        joined = self.root(first)
        self._parents[joined] = self.root(second)

    def __iter__(self) -> Iterator[K]:
        """Every key seen so far, in the order in which they came."""
        return iter(self._parents)
