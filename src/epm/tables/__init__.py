"""Anyone's tables: looked at, described by a ``mapping.toml`` that people can edit, and turned into pairs."""
