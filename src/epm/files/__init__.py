"""Pair files in and out: JSON Lines, CSV and Parquet readers, and atomic writing."""
