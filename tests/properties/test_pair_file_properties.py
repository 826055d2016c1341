"""Writing pairs or listings and reading them again gives the same, in every format."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from epm.blocking.listing_table import read_listings
from epm.errors import DataError
from epm.files.listings import listing_columns, write_listings
from epm.files.pairs import read_pairs, write_pairs
from epm.files.rows import LISTING_FIELDS
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label, Relation

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10).filter(lambda text: bool(text.strip()))
MAYBE = st.none() | TEXT
LISTINGS = st.builds(
    Listing, id=TEXT, title=TEXT, brand=MAYBE, description=MAYBE, price=MAYBE, currency=MAYBE, gtin=MAYBE, mpn=MAYBE, category=MAYBE,
    attributes=st.dictionaries(TEXT, TEXT, max_size=2), cluster_id=MAYBE, source=MAYBE,
)  # fmt: skip
PAIRS = st.lists(
    st.builds(
        Pair, id=TEXT, left=LISTINGS, right=LISTINGS, gold_label=st.none() | st.sampled_from(Label),
        relation=st.none() | st.sampled_from(Relation), factor=st.none() | st.integers(2, 10**6), split=MAYBE,
    ),
    min_size=1, max_size=3, unique_by=lambda pair: pair.id,
)  # fmt: skip

# a failing example is shown as it was found: shrinking one writes thousands of files
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "csv", "parquet"])
@given(pairs=PAIRS)
@settings(max_examples=40, deadline=None, phases=PHASES)
def test_reading_what_was_written_gives_the_same_pairs(ending: str, pairs: list[Pair]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"pairs.{ending}"
        write_pairs(path, pairs)

        assert list(read_pairs(path).pairs) == pairs


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "csv", "parquet"])
@given(listings=st.lists(LISTINGS, min_size=1, max_size=3, unique_by=lambda listing: listing.id))
@settings(max_examples=40, deadline=None, phases=PHASES)
def test_reading_a_table_of_listings_that_was_written_gives_the_same_listings(ending: str, listings: list[Listing]) -> None:
    columns = listing_columns([*LISTING_FIELDS, *(f"attributes.{name}" for listing in listings for name in listing.attributes)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"listings.{ending}"
        write_listings(path, listings, columns)

        assert list(read_listings(path)) == listings


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "csv", "parquet"])
@given(junk=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_bytes_whatever_make_the_reader_fail_otherwise_than_with_a_data_error(ending: str, junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"pairs.{ending}"
        path.write_bytes(junk)
        try:
            read_pairs(path, on_bad_row="skip")
        except DataError as error:
            assert path.name in str(error)  # noqa: PT017 - some junk may be a good file
