"""Candidates: which pairs of two catalogues are worth comparing, found by several channels, ranked together, cut to a budget."""
