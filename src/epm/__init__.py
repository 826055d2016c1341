"""epm: decide whether two e-commerce listings are the same product, from agent teachers to an audited local student.

    import epm
    result = epm.match(pairs, "evidence-rules")

Importing this package loads no torch, no litellm and no langchain.
"""

from __future__ import annotations

from epm.config import __version__, quiet_libraries

quiet_libraries()

__all__ = ["__version__"]
