"""One value for every ``--store``: what names a place, what is refused, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from epm.errors import StoreError
from epm.store.place import StorePlace

PASSWORD = "canary-pw"


@pytest.mark.parametrize("given", [".epm/store.db", Path(".epm/store.db"), "sqlite:///.epm/store.db"])
def test_a_file_is_named_by_its_path_or_as_an_address(given: str | Path) -> None:
    place = StorePlace.of(given)

    assert (place.path, place.url, place.shown) == (Path(".epm/store.db"), None, ".epm/store.db")
    assert StorePlace.of(place) is place


def test_four_slashes_make_an_absolute_path() -> None:
    assert StorePlace.of("sqlite:////tmp/s.db").path == Path("/tmp/s.db")  # noqa: S108  # nothing is written


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+pg8000"])
def test_a_server_has_no_file_and_its_password_is_in_nothing_that_is_shown(scheme: str) -> None:
    place = StorePlace.of(f"{scheme}://ann:{PASSWORD}@db.example:6432/epm?sslmode=require")

    assert place.path is None
    assert place.shown == f"{scheme}://ann:***@db.example:6432/epm"
    assert PASSWORD not in f"{place} {place!r} {place.shown}"
    assert PASSWORD in (place.url or "")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"mysql://ann:{PASSWORD}@db/epm", r"another kind of database \('mysql'\): give a file path, sqlite:///PATH or postgresql://"),
        (f"postgresql+psycopg://ann:{PASSWORD}@db/epm", "another kind of database"),
        (f"postgres://ann:{PASSWORD}@db/epm", "another kind of database"),
        (f"postgresql://ann:{PASSWORD}@db", "names no database"),
        (f"postgresql://ann:{PASSWORD}@db/a/b", "names no database"),
        (f"postgresql://ann:{PASSWORD}@db/epm?password={PASSWORD}", "the setting 'password': allowed are sslmode, sslrootcert"),
        (f"postgresql://ann:{PASSWORD}/x@db/epm", "cannot be read; write signs such as /"),
        (f"postgresql://ann:{PASSWORD}@db:port/epm", "cannot be read"),
        (f"postgresql:/ann:{PASSWORD}@db/epm", "one slash behind the colon"),
        (f"sqlite://ann:{PASSWORD}@host/x.db", "names no file"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_another_address_is_refused_in_one_line_without_its_password(address: str, told: str) -> None:
    with pytest.raises(StoreError, match=told) as caught:
        StorePlace.of(address)

    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_that_was_made_a_path_is_refused() -> None:
    with pytest.raises(StoreError, match="one slash behind the colon"):
        StorePlace.of(Path("postgresql://localhost/x"))
