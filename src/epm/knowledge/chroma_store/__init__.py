"""The knowledge index in a folder, by chromadb: its rows, settings, and whether what lies there is sound."""
