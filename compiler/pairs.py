"""Hashtables: arrays of MSFT_KeyValuePair, whose values are text as PowerShell would make it."""

PAIR_TEXT = "text, a number, true or false"


def pair_text(value: object) -> str | None:
    """Return *value* as PowerShell turns it into text (``True``, ``1.5``, ``1E+21``); None when it is no scalar."""
    match value:
        case str():
            return value
        case bool() | int():
            return str(value)
        case float():
            # PowerShell keeps 15 significant digits; whoever needs more writes text.
            return f"{value:.15G}"
        case _:
            return None
