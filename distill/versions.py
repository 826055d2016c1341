"""The versions of the libraries that made a student or an encoder, for its card."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("torch", "transformers", "tokenizers", "trl", "peft", "accelerate", "datasets", "sentence-transformers")


def library_versions() -> dict[str, str]:
    """Installed versions by package name; packages that are not installed are left out."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
