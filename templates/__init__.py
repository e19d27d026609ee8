"""The text around the values."""

from importlib.resources import files


def read(name: str) -> str:
    """Return the template file *name*."""
    return files(__name__).joinpath(name).read_text("utf-8")
