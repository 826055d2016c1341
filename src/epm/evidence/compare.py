"""Atoms of a pair: one rule for each attribute, all of them symmetric.

Missing is silence: an atom with a missing side is ``unknown``. Some such atoms are still decisive, because shops leave
out what is usual: a single unit, a new one, nothing added.
"""

from __future__ import annotations

from dataclasses import dataclass

from epm.evidence.atoms import Atom
from epm.evidence.code_atoms import compatibility_atoms, model_atoms, platform_atoms
from epm.evidence.core_atoms import brand_atoms, generation_atoms, type_atoms
from epm.evidence.identifier_atoms import asin_atoms, gtin_atoms, part_number_atoms
from epm.evidence.names import NameMatch, align
from epm.evidence.parsed import ParsedListing
from epm.evidence.variant_atoms import bundle_atoms, condition_atoms, measure_atoms, named_atoms, pack_atoms, region_atoms
from epm.rationale import Verdict

_CORE_AND_IDENTIFIER = (
    brand_atoms, model_atoms, type_atoms, generation_atoms, compatibility_atoms, platform_atoms, gtin_atoms, part_number_atoms, asin_atoms,
)  # fmt: skip
_OFFER = (pack_atoms, bundle_atoms, condition_atoms)


@dataclass(frozen=True, slots=True)
class Compared:
    """All atoms of a pair and the alignment of the names."""

    atoms: tuple[Atom, ...]
    names: NameMatch

    def of(self, attribute: str) -> tuple[Atom, ...]:
        """The atoms of one attribute."""
        return tuple(atom for atom in self.atoms if atom.attribute == attribute)

    def verdict(self, attribute: str) -> Verdict:
        """``different`` if any atom of the attribute says so, else ``same`` if any does, else ``unknown``."""
        verdicts = {atom.verdict for atom in self.of(attribute)}
        return next((verdict for verdict in (Verdict.DIFFERENT, Verdict.SAME) if verdict in verdicts), Verdict.UNKNOWN)


def compare_parsed(left: ParsedListing, right: ParsedListing) -> Compared:
    """Every atom of a pair, in a fixed order of attributes."""
    atoms = [atom for rule in _CORE_AND_IDENTIFIER for atom in rule(left, right)]
    atoms += named_atoms("colour", left, right)
    atoms += [atom for attribute in ("size", "capacity") for atom in measure_atoms(attribute, left, right)]
    atoms += [atom for rule in _OFFER for atom in rule(left, right)]
    atoms += region_atoms(left, right)
    return Compared(tuple(atoms), align(left, right))
