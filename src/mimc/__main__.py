"""``python -m mimc``, and the command ``mimc``: a process of its own around the command line."""

import gc
import sys

from mimc.cli import main


def start() -> int:
    """Run the command line of this process and return its exit code.

    Looking for garbage is a quarter of what a short command takes: while libraries are loaded all of it is in use, and
    at the end of the process none of it matters.
    """
    gc.set_threshold(200_000)
    try:
        return main()
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(start())
