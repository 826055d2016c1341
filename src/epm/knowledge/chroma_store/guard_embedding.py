"""What stands in the place of chromadb's own embedding function, which would download a model on its first call."""

from __future__ import annotations

import epm.knowledge.chroma_store.chroma_settings  # noqa: F401  # first: chromadb reads the environment while it is imported

# isort: split
from chromadb.api.types import Embeddable, EmbeddingFunction, Embeddings
from chromadb.utils.embedding_functions import register_embedding_function

from epm.errors import DataError


class GuardEmbeddingFunction(EmbeddingFunction[Embeddable]):
    """Refuses to embed: vectors come from our own embedder, and chromadb's default would reach for the network."""

    def __init__(self) -> None:
        """Needs nothing."""

    def __call__(self, input: Embeddable) -> Embeddings:  # noqa: A002  # chromadb calls it by this name
        """Never returns.

        Raises:
            DataError: always.
        """
        msg = f"chromadb was asked to embed {len(input)} texts itself: pass vectors of the index's own embedder"
        raise DataError(msg)

    @staticmethod
    def name() -> str:
        """The name that chromadb stores."""
        return "epm-guard"

    @staticmethod
    def build_from_config(config: dict[str, object]) -> GuardEmbeddingFunction:
        """The guard again."""
        del config
        return GuardEmbeddingFunction()

    def get_config(self) -> dict[str, object]:
        """Nothing to configure."""
        return {}


register_embedding_function(GuardEmbeddingFunction)  # type: ignore[no-untyped-call]  # chromadb looks it up by name where it reads an index anew
