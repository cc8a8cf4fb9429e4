"""``python -m auscult``."""

from auscult.cli import main

main()
