"""The command line: the roof of the house; each command parses, calls one library function and renders its result."""
