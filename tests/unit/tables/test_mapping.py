"""``mapping.toml``: round trips, refuses what it does not know, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epm.errors import ConfigError
from epm.tables.mapping import FileLayout, ListingColumns, ListingMapping, Mapping, PairColumns, SideMapping, load_mapping, parse_label_map
from epm.tables.mapping_text import mapping_text

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SIDES = st.builds(
    SideMapping,
    decimal=st.sampled_from([".", ","]),
    columns=st.fixed_dictionaries({"title": WORDS}, optional={"price": WORDS, "gtin": WORDS}),
    attributes=st.dictionaries(WORDS, WORDS, max_size=3),
)
TABLES = st.builds(
    SideMapping,
    table=WORDS,
    key=WORDS,
    file=st.builds(FileLayout, delimiter=st.sampled_from([";", "\t", "|", "\x7f"]), quote=st.sampled_from(['"', "'", ""])),
    columns=st.fixed_dictionaries({"title": WORDS, "id": WORDS}),
)
MAPPINGS = st.builds(
    Mapping,
    damaged_identifiers=st.sampled_from(["stop", "drop"]),
    file=st.builds(FileLayout, encoding=st.sampled_from(["utf-8", "cp1252"]), header_rows=st.sampled_from([(1,), (3, 4)])),
    pair=st.builds(PairColumns, label=WORDS),
    left=SIDES,
    right=st.one_of(SIDES, TABLES),
    labels=st.dictionaries(WORDS, st.sampled_from(["match", "no_match", "none"]), max_size=3),
)
CATALOGUES = st.builds(
    ListingMapping,
    damaged_identifiers=st.sampled_from(["stop", "drop"]),
    file=st.builds(FileLayout, format=st.just("xlsx"), sheet=WORDS),
    listing=st.builds(
        ListingColumns,
        decimal=st.sampled_from([".", ",", "mixed"]),
        columns=st.fixed_dictionaries({"title": WORDS}, optional={"id": WORDS, "gtin": WORDS}),
        attributes=st.dictionaries(WORDS, WORDS, max_size=3),
    ),
)
SMALL = '[left.columns]\ntitle = "a"\n[right.columns]\ntitle = "b"\n'


@given(mapping=MAPPINGS, open_labels=st.dictionaries(WORDS, st.integers(1, 9), max_size=2), unmapped=st.lists(WORDS, max_size=2))
def test_reading_what_was_written_gives_the_same_mapping(
    tmp_path_factory: pytest.TempPathFactory, mapping: Mapping, open_labels: dict[str, int], unmapped: list[str]
) -> None:
    path = tmp_path_factory.mktemp("mapping") / "mapping.toml"
    path.write_bytes(mapping_text(mapping, unmapped=unmapped, open_labels=open_labels).encode())

    assert load_mapping(path) == mapping


@given(mapping=CATALOGUES)
def test_the_mapping_of_listings_says_its_kind_and_comes_back(tmp_path_factory: pytest.TempPathFactory, mapping: ListingMapping) -> None:
    path = tmp_path_factory.mktemp("mapping") / "mapping.toml"
    path.write_bytes(mapping_text(mapping).encode())

    assert '\nkind = "listings"' in path.read_text(encoding="utf-8")
    assert load_mapping(path) == mapping


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SMALL + "[file]\ndelimeter = ';'\n", "file.delimeter does not exist"),
        (SMALL + "[file]\ndelimiter = ';;'\n", "must be one character"),
        (SMALL + "[file]\nencoding = 'cp1525'\n", "'cp1525' is no text encoding"),
        (SMALL + "[file]\nencoding = 'base64'\n", "is no text encoding"),
        (SMALL + "[file]\nheader_rows = [4, 2]\n", "one row number from 1, or two in order"),
        (SMALL + "[labels]\nja = 'yes'\n", "labels.ja"),
        (SMALL.replace("title", "titel"), "'titel' is no listing field; use one of id, title"),
        (SMALL.replace('"a"', '""'), "has no left.columns.title"),
        (SMALL + "[left]\ntable = 'a.csv'\n", "table and key belong together"),
        (SMALL + "[left]\ntable = 'a.csv'\nkey = 'k'\n", "has no left.columns.id"),
        ("a = ", "is no TOML"),
        (SMALL + "version = 2\n", "version"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, reason: str) -> None:
    lines = text.split("\n")
    path = tmp_path / "mapping.toml"
    path.write_text(
        "\n".join([line for line in lines if line.startswith("version")] + [line for line in lines if not line.startswith("version")])
    )
    with pytest.raises(ConfigError) as caught:
        load_mapping(path)
    assert reason in str(caught.value)


def test_label_maps_may_hold_blanks_and_equal_signs() -> None:
    assert parse_label_map("ja=match, nein = no_match,a=b=none") == {"ja": "match", "nein": "no_match", "a=b": "none"}


@pytest.mark.parametrize("text", ["ja", "ja=yes", "=match", "ja=match,"])
def test_label_maps_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigError, match="label map entry"):
        parse_label_map(text)
