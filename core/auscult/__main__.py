"""``python -m auscult``."""

from auscult.cli import main

if __name__ == "__main__":  # a worker process for isolated probes imports it under another name
    main()
