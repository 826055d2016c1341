"""The evidence engine: deterministic readings and comparisons of listings."""
