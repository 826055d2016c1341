"""Imports of work that other systems recorded: their answers become our rationales and decisions."""
