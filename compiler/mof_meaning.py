"""What a document means, whoever wrote it, and in what two of them differ. Also: what of it people may see.

Two documents mean the same when the LCM would do the same with both. So these do not count, unless everything is
asked for: comments, aliases, the order of properties, SourceInfo, Author, GenerationDate and GenerationHost, the text
of a sealed password (it is another one on each run), the case of names, of resource ids and of module names, the
order and case of DependsOn, the order of a hashtable's entries, and the digits of a real beyond the 15 that
PowerShell writes. The order of resources counts: the LCM takes them in it. NULL is not the same as nothing.
"""

import json
from collections import Counter
from dataclasses import dataclass

from mimc.cms import is_sealed
from mimc.errors import InputError
from mimc.secret import MASK

from .class_schema import PAIR_CLASS
from .mof_literals import Char16
from .mof_reader import DOCUMENT_CLASS, Mof, MofInstance, MofValue

SEALED = "<sealed>"
NOTHING = "nothing"
#: Properties that hold a secret when they hold text, and keys of a hashtable that do.
_SECRETS = frozenset({"password", "registrationkey"})
_ABOUT_THE_DOCUMENT = frozenset({"author", "generationdate", "generationhost"})
_WITHOUT_CASE = frozenset({"resourceid", "modulename"})
_MAX_DEPTH = 50
_MAX_INSTANCES = 200_000
_MAX_SHOWN = 70
_BEFORE_THE_DIFFERENCE = 20


class NestingError(InputError):
    """The instances of a document lie in each other so deep, or so often, that nothing could show it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two documents differ; ``property`` is a dotted path, empty for a whole instance.

    ``left`` and ``right`` are words to show: nothing that may be a password stands in them.
    """

    instance: str
    property: str
    left: str
    right: str


def check_nesting(mof: Mof) -> None:
    """Refuse a document that aliases make endless: each alias can be used again and again.

    Raises:
        NestingError: more than 50 levels, or more than 200,000 instances when each use counts.
    """
    depths: dict[MofInstance, int] = {}
    counts: dict[MofInstance, int] = {}
    for instance in mof.instances:
        inner = list(instance.embedded())
        depths[instance] = 1 + max((depths[part] for part in inner), default=0)
        counts[instance] = 1 + sum(counts[part] for part in inner)
        if depths[instance] > _MAX_DEPTH:
            raise NestingError(
                f"line {instance.line}: instances lie in each other more than {_MAX_DEPTH} levels deep"
            )
        if counts[instance] > _MAX_INSTANCES:
            raise NestingError(
                f"line {instance.line}: aliases are used so often that the document is too large"
            )


def visible(instance: MofInstance, name: str) -> MofValue:
    """Return the value of the property *name* as people may see it: a password sealed or masked, never in clear."""
    value = instance.get(name)
    if not _is_secret(instance, name):
        return value
    return tuple(map(_hidden, value)) if isinstance(value, tuple) else _hidden(value)


def _hidden(value: MofValue) -> MofValue:
    if not isinstance(value, str) or not value:
        return value
    return SEALED if is_sealed(value) else MASK


def _is_secret(instance: MofInstance, name: str) -> bool:
    if instance.is_a(PAIR_CLASS) and name.lower() == "value":
        name = str(instance.get("Key"))
    return name.lower() in _SECRETS


def differences(left: Mof, right: Mof, *, everything: bool = False) -> list[Difference]:
    """Return in what *right* differs from *left*; *everything* compares what means nothing to the LCM, too.

    Instances belong together that have the same ResourceID; without one, those of a class in their order.
    """
    known, other = _by_identity(left), _by_identity(right)
    found: list[Difference] = []
    for identity in dict.fromkeys((*known, *other)):
        one, two = known.get(identity), other.get(identity)
        label = _label(one or two, identity[-1])
        if one and two:
            _Comparison(label, everything, found).instances(one, two, ())
        else:
            found.append(
                Difference(label, "", *(each.class_name if each else NOTHING for each in (one, two)))
            )
    order = [[each for each in these if each in known and each in other] for these in (known, other)]
    if not everything:
        order = [[each for each in these if each[0] == "resource"] for these in order]
    for first, second in zip(*order, strict=True):
        if first != second:
            labels = _label(known[first], first[-1]), _label(other[second], second[-1])
            found.append(Difference("the document", "the order of its instances", *labels))
            break
    return found


#: ``resource`` and its id, or ``class`` and its name, both in lower case; and which one of those it is, from 0.
_Identity = tuple[str, str, int]


def _by_identity(mof: Mof) -> dict[_Identity, MofInstance]:
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[_Identity, MofInstance] = {}
    for instance in mof.top_level:
        name = instance.get("ResourceID")
        key = ("resource", name.lower()) if isinstance(name, str) else ("class", instance.class_name.lower())
        found[(*key, counts[key])] = instance
        counts[key] += 1
    return found


def _label(instance: MofInstance | None, at: int) -> str:
    assert instance
    name = instance.get("ResourceID")
    label = name if isinstance(name, str) else instance.class_name
    return f"{label} ({at + 1})" if at else label


_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares two instances that belong together; what differs goes to ``found``."""

    label: str
    everything: bool
    found: list[Difference]

    def note(self, path: _Path, left: str, right: str) -> None:
        self.found.append(Difference(self.label, ".".join(path), left, right))

    def instances(self, left: MofInstance, right: MofInstance, path: _Path) -> None:
        if left.class_name.lower() != right.class_name.lower():
            self.note((*path, "class"), left.class_name, right.class_name)
        names = {name.lower(): name for name in (*right.properties, *left.properties)}
        written = [{name.lower() for name in each.properties} for each in (left, right)]
        for folded, name in names.items():
            if not self.everything and _means_nothing(left, folded):
                continue
            if all(folded in each for each in written):
                self.property(left, right, name, path)
            else:
                texts = (
                    _words(visible(each, name)) if folded in there else NOTHING
                    for each, there in zip((left, right), written, strict=True)
                )
                self.note((*path, name), *texts)
        if self.everything:
            self.spelling(left, right, path)

    def spelling(self, left: MofInstance, right: MofInstance, path: _Path) -> None:
        if left.alias != right.alias:
            self.note(
                (*path, "the alias"), *(f"${each.alias}" if each.alias else NOTHING for each in (left, right))
            )
        if left.class_name != right.class_name and left.class_name.lower() == right.class_name.lower():
            self.note((*path, "class"), left.class_name, right.class_name)
        names = [list(each.properties) for each in (left, right)]
        folded = [sorted(name.lower() for name in each) for each in names]
        if names[0] != names[1] and folded[0] == folded[1]:
            self.note((*path, "its properties, as written"), *(", ".join(each) for each in names))

    def property(self, left: MofInstance, right: MofInstance, name: str, path: _Path) -> None:
        path = (*path, name)
        one, two = left.get(name), right.get(name)
        if _is_secret(left, name) and not isinstance(one, MofInstance) and not isinstance(two, MofInstance):
            shown = visible(left, name), visible(right, name)
            if one != two and (self.everything or shown != (SEALED, SEALED)):
                self.note(path, *map(_words, shown))
        elif (
            not self.everything
            and name.lower() == "dependson"
            and isinstance(one, tuple)
            and isinstance(two, tuple)
        ):
            if Counter(map(_folded, one)) != Counter(map(_folded, two)):
                self.note(path, _words(one), _words(two))
        elif not self.everything and name.lower() in _WITHOUT_CASE and _folded(one) == _folded(two):
            return
        else:
            self.values(one, two, path)

    def values(self, one: MofValue, two: MofValue, path: _Path) -> None:
        if isinstance(one, MofInstance) and isinstance(two, MofInstance):
            self.instances(one, two, path)
        elif isinstance(one, tuple) and isinstance(two, tuple):
            self.arrays(one, two, path)
        elif not self.same(one, two):
            self.note(path, *_words_of_both(one, two))

    def arrays(self, one: tuple[MofValue, ...], two: tuple[MofValue, ...], path: _Path) -> None:
        left, right = _entries(one), _entries(two)
        if left is not None and right is not None and not self.everything:
            self.entries(left, right, path)
        elif len(one) != len(two):
            self.note(path, _words(one), _words(two))
        else:
            for at, (left_item, right_item) in enumerate(zip(one, two, strict=True)):
                self.values(left_item, right_item, (*path, str(at)))

    def entries(self, left: dict[str, MofInstance], right: dict[str, MofInstance], path: _Path) -> None:
        for key in dict.fromkeys((*left, *right)):
            if key in left and key in right:
                self.instances(left[key], right[key], (*path, key))
            else:
                words = (
                    _words(visible(each[key], "Value")) if key in each else NOTHING for each in (left, right)
                )
                self.note((*path, key), *words)

    def same(self, one: MofValue, two: MofValue) -> bool:
        if type(one) is not type(two):
            return False
        if isinstance(one, float) and isinstance(two, float) and not self.everything:
            return float(f"{one:.15g}") == float(f"{two:.15g}")
        return one == two


def _means_nothing(instance: MofInstance, folded: str) -> bool:
    return folded == "sourceinfo" or (instance.is_a(DOCUMENT_CLASS) and folded in _ABOUT_THE_DOCUMENT)


def _folded(value: MofValue) -> MofValue:
    return value.lower() if isinstance(value, str) else value


def _entries(items: tuple[MofValue, ...]) -> dict[str, MofInstance] | None:
    """The entries of a hashtable by their keys; None when it is none, or a key stands twice."""
    found = {
        key: item
        for item in items
        if isinstance(item, MofInstance) and isinstance(key := item.get("Key"), str)
    }
    is_table = all(isinstance(item, MofInstance) and item.is_a(PAIR_CLASS) for item in items)
    return found if is_table and len(found) == len(items) else None


def _words(value: MofValue) -> str:
    """*value* in a few words."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value)
        case Char16():
            return f"'{value}' (char16)" if value.isprintable() else f"{str(value)!a} (char16)"
        case str():
            return _quoted(value)
        case MofInstance():
            return f"an instance of {value.class_name}"
        case tuple():
            text = ", ".join(map(_words, value[:_MAX_SHOWN]))
            return f"{{{text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + '...'}}}"
        case _:
            return repr(value)


def _words_of_both(one: MofValue, two: MofValue) -> tuple[str, str]:
    """Both in a few words: of long texts the part where they begin to differ."""
    if isinstance(one, str) and isinstance(two, str) and type(one) is type(two):
        pairs = enumerate(zip(one, two, strict=False))
        at = next((at for at, (left, right) in pairs if left != right), min(len(one), len(two)))
        start = max(0, at - _BEFORE_THE_DIFFERENCE) if max(len(one), len(two)) > _MAX_SHOWN else 0
        if start:
            return f"...{_quoted(one[start:])}", f"...{_quoted(two[start:])}"
    return _words(one), _words(two)


def _quoted(text: str) -> str:
    shown = json.dumps(text[:_MAX_SHOWN], ensure_ascii=not text.isprintable())
    return f"{shown}..." if len(text) > _MAX_SHOWN else shown
