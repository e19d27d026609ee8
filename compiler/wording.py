"""How messages call values: what was found in the place of something else, without repeating what may be secret."""

#: Said wherever a secret stands in clear; the value itself is never repeated.
SECRET_HINT = "a secret is never written down here: write {secret: {env: NAME}}"
_MAX_SHOWN = 60


def kind(value: object) -> str:
    """Return what kind of YAML value *value* is, and nothing of it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case dict():
            return "a block of keys"
        case list():
            return "a list"
        case _:
            return "text"


def word(key: str) -> str:
    """Return *key* as messages repeat it: itself, unless it holds what would move a cursor or a line."""
    return key if key.isprintable() else repr(key)


def shown(value: object) -> str:
    """Return *value* as messages repeat it: short, printable, blocks and lists by their kind only."""
    if value is None or isinstance(value, dict | list):
        return kind(value)
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if len(str(value)) <= _MAX_SHOWN else f"{str(value)[: _MAX_SHOWN - 3]}..."
    if not isinstance(value, str):
        return text
    return f"'{text}'" if text.isprintable() else repr(text)
