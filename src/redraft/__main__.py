"""`python -m redraft` is the command line."""

from redraft.cli import main

main()
