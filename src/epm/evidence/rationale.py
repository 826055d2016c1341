"""From atoms to the Rationale: verbatim cells on three axes that entail the relation.

Each attribute gets one cell at most. A cell that would contradict the relation's axis stays ``unknown`` (a weak
inequality), and a core without any decided cell is argued by the names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from epm.evidence.atoms import Atom, Value
from epm.evidence.compare import Compared
from epm.evidence.parsed import ParsedListing, Word
from epm.evidence.verdict import Finding
from epm.identity import IdentityRule
from epm.rationale import AXIS_ATTRIBUTES, Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Relation

MAX_QUOTE_CHARS = 40
MAX_CELLS = 8
_RANK = {Verdict.DIFFERENT: 2, Verdict.SAME: 1, Verdict.UNKNOWN: 0}


def write_rationale(left: ParsedListing, right: ParsedListing, compared: Compared, finding: Finding, identity: IdentityRule) -> Rationale:
    """The rationale of a finding under an identity rule."""
    cells = {axis: [cell for name in AXIS_ATTRIBUTES[axis] if (cell := _cell(compared, name, finding)) is not None] for axis in Axis}
    cells[Axis.CORE] = _with_name(cells[Axis.CORE], left, right, compared, finding)
    cells[Axis.CORE] = _without_idle_type(cells[Axis.CORE], finding)
    kept = _limited(cells)
    core, identifier, variant = (AxisFinding(comparisons=tuple(kept[axis]), verdict=axis_verdict(kept[axis])) for axis in Axis)
    relation = finding.relation if _is_entailed(finding.relation, core.verdict, identifier.verdict) else Relation.UNDECIDABLE
    return Rationale(
        core=core, identifier=identifier, variant=variant, relation=relation,
        factor=finding.factor if relation is finding.relation else None, label=identity.label(relation),
    )  # fmt: skip


def _is_entailed(relation: Relation, core: Verdict, identifier: Verdict) -> bool:
    """False where one side says too little to show what was found: an empty title, for one."""
    if relation is Relation.EXACT:
        return core is Verdict.SAME
    return relation is not Relation.DIFFERENT or Verdict.DIFFERENT in {core, identifier}


def axis_verdict(comparisons: Iterable[Comparison]) -> Verdict:
    """``different`` if any comparison is, else ``same`` if any is, else ``unknown``."""
    return max((c.verdict for c in comparisons), key=_RANK.__getitem__, default=Verdict.UNKNOWN)


def _cell(compared: Compared, attribute: str, finding: Finding) -> Comparison | None:
    atoms = compared.of(attribute)
    if not atoms:
        return None
    atom = max(atoms, key=lambda a: (_RANK[a.verdict], a.is_decisive, a.strength))
    verdict = atom.verdict
    if atom.rule == "type-other" and finding.core is Verdict.DIFFERENT:
        verdict = Verdict.DIFFERENT
    is_core = attribute in AXIS_ATTRIBUTES[Axis.CORE]
    if is_core and verdict is Verdict.DIFFERENT and finding.core is not Verdict.DIFFERENT:
        verdict = Verdict.UNKNOWN
    return Comparison(attribute=attribute, left=_quote(atom.left), right=_quote(atom.right), verdict=verdict)


def _quote(value: Value | None) -> str | None:
    if value is None:
        return None
    return value.span.quote[:MAX_QUOTE_CHARS].rstrip() or None


def _with_name(
    cells: list[Comparison], left: ParsedListing, right: ParsedListing, compared: Compared, finding: Finding
) -> list[Comparison]:
    """The core cells with the name cell in its place, decided so that the axis says what the finding says."""
    is_different = finding.core is Verdict.DIFFERENT
    quotes = (
        name_quote(left, compared.names.left_rest if is_different else ()),
        name_quote(right, compared.names.right_rest if is_different else ()),
    )
    verdict = _name_verdict(cells, compared, finding)
    if None in quotes:
        verdict = Verdict.UNKNOWN
    is_argued = any(cell.verdict is not Verdict.UNKNOWN for cell in cells)
    if quotes == (None, None) or (is_argued and not (left.names and right.names)):
        return cells
    place = next((i for i, cell in enumerate(cells) if AXIS_ATTRIBUTES[Axis.CORE].index(cell.attribute) > 1), len(cells))
    return [*cells[:place], Comparison(attribute="name", left=quotes[0], right=quotes[1], verdict=verdict), *cells[place:]]


def _name_verdict(cells: Sequence[Comparison], compared: Compared, finding: Finding) -> Verdict:
    if finding.core is Verdict.DIFFERENT:
        others_differ = any(cell.verdict is Verdict.DIFFERENT for cell in cells)
        is_alike = compared.names.similarity >= 0.8 and not compared.names.n_conflicts  # noqa: PLR2004  # nearly all words align
        if others_differ:
            return Verdict.SAME if is_alike else Verdict.UNKNOWN if compared.names.similarity >= 0.4 else Verdict.DIFFERENT  # noqa: PLR2004
        return Verdict.DIFFERENT
    if finding.core is Verdict.SAME:
        others_agree = any(cell.verdict is Verdict.SAME and cell.attribute == "model" for cell in cells)
        return Verdict.SAME if compared.names.similarity >= 0.5 or not others_agree else Verdict.UNKNOWN  # noqa: PLR2004
    return Verdict.UNKNOWN


def name_quote(listing: ParsedListing, rest: Sequence[Word]) -> str | None:
    """A verbatim stretch of the title that holds the name: around the first left-over word, if one is given."""
    title = listing.title
    if title is None or not title.words:
        return None
    words = listing.names or title.words
    first = rest[0] if rest else words[0]
    start, end = first.start, first.end
    for word in words:
        if word.start >= end and word.end - start <= MAX_QUOTE_CHARS and not _crosses_code(title.folded.text[end : word.start]):
            end = word.end
    return title.span(start, end).quote[:MAX_QUOTE_CHARS].rstrip()


def _crosses_code(gap: str) -> bool:
    return any(c.isalnum() for c in gap)


def _without_idle_type(cells: list[Comparison], finding: Finding) -> list[Comparison]:
    """The core cells without a product type that settles nothing: it reads differently in every language and makes the argument longer."""
    if finding.relation is Relation.ACCESSORY_FOR:
        return cells
    others = [cell for cell in cells if cell.attribute != "type"]
    is_idle = all(cell.verdict is not Verdict.DIFFERENT for cell in cells if cell.attribute == "type")
    return others if is_idle and axis_verdict(others) is axis_verdict(cells) else cells


def _limited(cells: dict[Axis, list[Comparison]]) -> dict[Axis, list[Comparison]]:
    """At most ``MAX_CELLS`` cells: one-sided cells that decide nothing go first, the last ones before the first."""
    excess = sum(map(len, cells.values())) - MAX_CELLS
    for verdict in (Verdict.UNKNOWN, Verdict.SAME):
        for axis in (Axis.IDENTIFIER, Axis.CORE, Axis.VARIANT):
            for cell in reversed(list(cells[axis])):
                if (
                    excess > 0
                    and cell.verdict is verdict
                    and cell.attribute not in {"name", "pack", "bundle", "condition", "compatibility"}
                ):
                    cells[axis].remove(cell)
                    excess -= 1
    return cells


def decisive(atoms: Iterable[Atom]) -> tuple[Atom, ...]:
    """The atoms that settle a relation by themselves."""
    return tuple(atom for atom in atoms if atom.is_decisive or atom.verdict is Verdict.DIFFERENT)
