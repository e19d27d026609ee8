"""Placeholder while the verbs are written."""


def main() -> int:
    """Do nothing yet."""
    return 0
