"""From atoms to the Rationale: verbatim cells on three axes that entail the relation.

Each attribute gets one cell at most. A cell that would contradict the relation's axis stays ``unknown`` (a weak
inequality), and a core without any decided cell is argued by the names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from epm.evidence.atoms import Atom, Value
from epm.evidence.compare import Compared
from epm.evidence.fields import Field, is_free
from epm.evidence.normalise import Token, squeeze
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
    if all(_is_part_number(value) for atom in compared.of("model") for value in (atom.left, atom.right)):
        cells[Axis.CORE] = _without(cells[Axis.CORE], "model")
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
    if atom.rule in {"type-other", "model-unrelated"} and finding.core is Verdict.DIFFERENT:
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
    is_argued = any(cell.verdict is not Verdict.UNKNOWN for cell in cells)
    brands = compared.of("brand")[0] if compared.of("brand") else None
    quotes = (
        name_quote(left, compared.names.left_rest if is_different else (), brands.left if brands else None, is_needed=not is_argued),
        name_quote(right, compared.names.right_rest if is_different else (), brands.right if brands else None, is_needed=not is_argued),
    )
    if is_different and None in quotes and not any(cell.verdict is Verdict.DIFFERENT for cell in cells):
        argued = _with_a_conflict(cells)
        if argued != cells:
            return argued
        shared = brands if brands is not None and brands.verdict is Verdict.SAME else None
        quotes = (
            whole_name(left, compared.names.left_rest, shared.left if shared else None),
            whole_name(right, compared.names.right_rest, shared.right if shared else None),
        )
    if quotes == (None, None):
        return cells
    verdict = Verdict.UNKNOWN if None in quotes else _name_verdict(cells, compared, finding)
    if verdict is Verdict.DIFFERENT and _is_one_text(*quotes):
        cells, verdict = _with_a_conflict(cells), Verdict.SAME
    place = next((i for i, cell in enumerate(cells) if AXIS_ATTRIBUTES[Axis.CORE].index(cell.attribute) > 1), len(cells))
    return [*cells[:place], Comparison(attribute="name", left=quotes[0], right=quotes[1], verdict=verdict), *cells[place:]]


def _is_one_text(left: str | None, right: str | None) -> bool:
    return squeeze(left or "") == squeeze(right or "")


def _with_a_conflict(cells: list[Comparison]) -> list[Comparison]:
    """The cells with an undecided one called different: where the names are one text, its two unlike quotes are what differs."""
    for attribute in ("brand", "compatibility", "type", "model"):
        for place, cell in enumerate(cells):
            is_undecided = cell.attribute == attribute and cell.verdict is Verdict.UNKNOWN and None not in {cell.left, cell.right}
            if is_undecided and not _is_one_text(cell.left, cell.right):
                return [*cells[:place], cell.model_copy(update={"verdict": Verdict.DIFFERENT}), *cells[place + 1 :]]
    return cells


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


def name_quote(listing: ParsedListing, rest: Sequence[Word], brand: Value | None = None, *, is_needed: bool = True) -> str | None:
    """A verbatim stretch of the title that holds the name: the one with a left-over word if there is one, else the longest.

    Words of ``brand`` belong to the brand's own cell. A title without any other word has no name; where one ``is_needed``
    all its words stand in.
    """
    title = listing.title
    if title is None or not title.words:
        return None
    outside = [(brand.start, brand.end)] if brand is not None and brand.field == title.folded.field else []
    words = [word for word in listing.names if is_free((word.start, word.end), outside)] or (title.words if is_needed else ())
    return _quote_around(words, rest, title)


def whole_name(listing: ParsedListing, rest: Sequence[Word], brand: Value | None) -> str | None:
    """A verbatim stretch of the title around a left-over word, codes and types included: ``KX-120 Plus kettle``.

    Where one title merely adds a word ("Plus"), nothing but the whole names shows the difference. ``brand`` is left out: stated
    on both sides, it has a cell of its own.
    """
    title = listing.title
    if title is None or not title.words:
        return None
    outside = [(brand.start, brand.end)] if brand is not None and brand.field == title.folded.field else []
    words = [word for word in title.words if is_free((word.start, word.end), outside)]
    return _quote_around(words, rest, title)


def _quote_around(words: Sequence[Word | Token], rest: Sequence[Word], title: Field) -> str | None:
    """The verbatim run of these words that holds one of ``rest``, else the longest; ``None`` without words."""
    stretches = _stretches(words, title)
    if not stretches:
        return None
    starts = {word.start for word in rest}
    chosen = next((one for one in stretches if starts & {word.start for word in one}), max(stretches, key=_n_chars))
    return title.span(chosen[0].start, chosen[-1].end).quote[:MAX_QUOTE_CHARS].rstrip()


def _stretches(words: Sequence[Word | Token], title: Field) -> list[list[Word | Token]]:
    """The words in runs that no other word interrupts, none longer than a quote may be."""
    runs: list[list[Word | Token]] = []
    for word in words:
        gap = title.folded.text[runs[-1][-1].end : word.start] if runs else ""
        if runs and not any(c.isalnum() for c in gap) and word.end - runs[-1][0].start <= MAX_QUOTE_CHARS:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _n_chars(run: Sequence[Word | Token]) -> int:
    return run[-1].end - run[0].start


def _without_idle_type(cells: list[Comparison], finding: Finding) -> list[Comparison]:
    """The core cells without a product type that settles nothing: it reads differently in every language and makes the argument longer."""
    if finding.relation is Relation.ACCESSORY_FOR:
        return cells
    return _without(cells, "type")


def _is_part_number(value: Value | None) -> bool:
    return value is not None and value.field == "mpn"


def _without(cells: list[Comparison], attribute: str) -> list[Comparison]:
    """The cells without those of an attribute, where they say the same without it."""
    others = [cell for cell in cells if cell.attribute != attribute]
    return others if axis_verdict(others) is axis_verdict(cells) else cells


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
