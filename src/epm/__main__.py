"""``python -m epm``: the program, where its script is not on the path."""

from epm.cli.app import main

main()
