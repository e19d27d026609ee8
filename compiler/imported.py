"""A compiled document as the spec that compiles back to it.

What a document says beyond the values goes where a spec says it: ids, dependsOn, runAs, module and its version. What a
spec never holds is left out: a password becomes the name of a variable. What a spec cannot say is noted.
"""

import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mimc.errors import InputError
from mimc.resources import SYNC_SERVICE, Kind, Property

from .class_bases import COMMON_PROPERTIES
from .class_schema import CREDENTIAL_CLASS, PAIR_CLASS
from .declared import META_KEYS
from .imported_lcm import META_CLASSES, lcm_section
from .load import JOIN, VAR
from .modules import INBOX_MODULE, INBOX_VERSIONS
from .mof import RUN_AS
from .mof_meaning import check_nesting, visible
from .mof_reader import DOCUMENT_CLASS, Mof, MofInstance, MofValue
from .service import INSTANCE_ID, SECTION
from .typed import LARGEST_REAL32

_ID = re.compile(r"\[([^\[\]]+)\](.+)", re.DOTALL)
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")
_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,63}")
_TARGET = re.compile(r"(?!.*\.[Mm][Ee][Tt][Aa]$)[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_NOT_IN_A_VARIABLE = re.compile("[^A-Z0-9]+")
#: What PowerShell writes for the inbox module where a resource of the document runs as someone.
_INBOX_VERSION_WITH_RUN_AS = "0.0"


#: Gives the properties of a resource type of a module and version in the order of its class, () when not known.
Order = Callable[[str, str, str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Imported:
    """A spec as plain data; ``comment`` are lines for its head, ``notes`` what it does not say of the document."""

    spec: dict[str, Any]
    comment: tuple[str, ...]
    notes: tuple[str, ...]


def import_documents(
    document: Mof,
    meta: Mof | None,
    node: str,
    source: str,
    schemas: Sequence[str] = (),
    order: Order = lambda kind, module, version: (),
) -> Imported:
    """Return the spec of *node* that *document* and *meta*, its LCM's document, were compiled from.

    *source* is the file's name for the comment, *schemas* the folders of modules as the spec is to name them.
    Properties come in the *order* of their class, else by name: PowerShell writes them in none.

    Raises:
        InputError: it is a meta document, has no resource, or nests without end.
    """
    check_nesting(document)
    reader = _Reader(order)
    resources = list(reader.resources(document))
    name, target = reader.names(document, node)
    section = None
    if meta:
        check_nesting(meta)
        section = lcm_section(meta, reader.value, reader.notes)
    body: dict[str, Any] = {"host": target}
    comment = [f"Made by mimc import from {source}."]
    if reader.variables:
        body["certificate"] = f"{target}.cer"
        comment += [
            f"{target}.cer is the public half of the node's certificate for document encryption: export it there.",
            "No password came with the document. Set these variables for mimc compile, or name other sources:",
            *(f"  {variable}: the password of {user}" for user, variable in reader.variables.items()),
        ]
    spec: dict[str, Any] = {"apiVersion": "mimc/v1", "name": name}
    if schemas:
        spec["schemas"] = list(schemas)
    spec["targets"] = {target: body}
    spec |= {SECTION: reader.service} if reader.service else {}
    spec |= {"resources": resources} if resources else {}
    spec |= {"localConfigurationManager": section} if section else {}
    return Imported(spec, tuple(comment), tuple(dict.fromkeys(reader.notes)))


@dataclass(slots=True)
class _Reader:
    """Reads instances into plain data; ``variables`` are the variables of passwords by user."""

    order: Order
    notes: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    service: dict[str, Any] | None = None
    inbox_version: str = INBOX_VERSIONS[0]

    def resources(self, document: Mof) -> Iterator[dict[str, Any]]:
        top = [instance for instance in document.top_level if not instance.is_a(DOCUMENT_CLASS)]
        if any(instance.is_a(name) for instance in top for name in META_CLASSES):
            raise InputError(
                "this is the document of an LCM: name the node's own first, and this one after it"
            )
        if not top:
            raise InputError("the document has no resource")
        if any(isinstance(instance.get(RUN_AS), MofInstance) for instance in top):
            self.inbox_version = _INBOX_VERSION_WITH_RUN_AS
        for instance in top:
            found = _ID.fullmatch(str(instance.get("ResourceID")))
            if found is None:
                self.notes.append(f"line {instance.line}: {instance.class_name} is no resource; left out")
            elif self.service is None and _is_service(instance, found[2]):
                self.service = self.as_service(instance)
            else:
                yield self.resource(instance, found[1], found[2])

    def resource(self, instance: MofInstance, kind: str, name: str) -> dict[str, Any]:
        head = self.head(instance)
        known = [
            each.lower() for each in self.order(kind, head.get("module", ""), head.get("moduleVersion", ""))
        ]
        rank = {name: at for at, name in enumerate(known)}
        names = sorted(
            (each for each in instance.properties if each.lower() not in COMMON_PROPERTIES),
            key=lambda each: (rank.get(each.lower(), len(rank)), each.lower()),
        )
        values = {
            # What a body means by such a key is something else; properties have no case.
            (each.upper() if each in META_KEYS else each): self.property(instance, each)
            for each in names
        }
        if any(each.lower() == "id" for each in names):
            return {f"[{kind}]{self.one_line(name)}": {**head, **values}}
        return {kind: {"id": self.one_line(name), **head, **values}}

    def head(self, instance: MofInstance) -> dict[str, Any]:
        head: dict[str, Any] = {}
        module, version = instance.get("ModuleName"), instance.get("ModuleVersion")
        inbox = isinstance(module, str) and module.lower() == INBOX_MODULE.lower()
        if isinstance(module, str) and not (inbox and version in (self.inbox_version, None)):
            if inbox and version not in INBOX_VERSIONS[1:]:
                self.note(
                    instance, f"{module} {version} cannot be said here; it becomes {self.inbox_version}"
                )
            else:
                head["module"] = module
                if isinstance(version, str):
                    head["moduleVersion"] = version
        needs = instance.get("DependsOn")
        if isinstance(needs, tuple) and needs:
            head["dependsOn"] = [self.one_line(need) for need in needs if isinstance(need, str)]
        if isinstance(run_as := instance.get(RUN_AS), MofInstance):
            head["runAs"] = self.value(run_as)
        return head

    def as_service(self, instance: MofInstance) -> dict[str, Any]:
        section: dict[str, Any] = {}
        for item in SYNC_SERVICE.properties:
            value = instance.get(item.name)
            if item.fixed is not None or value is None or value == item.default:
                continue
            *above, last = item.spec
            place = section
            for step in above:
                place = place.setdefault(step, {})
            place[last] = self.value(value)
        head = self.head(instance)
        return section | {key: head[key] for key in ("dependsOn", "runAs") if key in head}

    def property(self, instance: MofInstance, name: str) -> Any:
        value = instance.properties[name]
        if isinstance(value, str | tuple) and visible(instance, name) != value:
            self.note(
                instance, f"{name} may be a secret, and stands in the spec as in the document: in clear"
            )
        return self.value(value)

    def value(self, value: MofValue) -> Any:
        """Return *value* as a spec says it."""
        match value:
            case MofInstance() if value.is_a(CREDENTIAL_CLASS):
                return self.credential(value)
            case MofInstance():
                return {name: self.property(value, name) for name in value.properties}
            case tuple():
                return _table(value) or [self.value(item) for item in value]
            case float():
                return _within_its_type(value)
            case str():
                return str(value)
            case _:
                return value

    def credential(self, instance: MofInstance) -> dict[str, Any]:
        named = instance.get("UserName")
        user = named if isinstance(named, str) else ""
        known = {each.lower(): variable for each, variable in self.variables.items()}
        variable = known.get(user.lower()) or self.variable(user)
        self.variables.setdefault(user, variable)
        return {"user": user, "password": {"secret": {"env": variable}}}

    def variable(self, user: str) -> str:
        """A new name for the password of *user*: of the account alone when that is enough."""
        account = re.split(r"[\\@]", user)
        bare = account[-1] if "\\" in user else account[0]
        taken = set(self.variables.values())
        names = [
            f"{_NOT_IN_A_VARIABLE.sub('_', words.upper()).strip('_') or 'USER'}_PASSWORD"
            for words in (bare, user)
        ]
        names = [f"_{name}" if name[0].isdigit() else name for name in names]
        return next((name for name in names if name not in taken), f"{names[1]}_{len(taken) + 1}")

    def names(self, document: Mof, node: str) -> tuple[str, str]:
        """The names of the configuration and of the target."""
        named = [document.document.get("Name")] if document.document else []
        named += [instance.get("ConfigurationName") for instance in document.top_level]
        said = list(dict.fromkeys(str(each) for each in named if isinstance(each, str)))
        if len(said) > 1:
            self.notes.append(
                f"the document has several names of configurations, {', '.join(said)}: the first stays"
            )
        name = self.fitting("configuration", said[0] if said else "Imported", _NAME, "[^A-Za-z0-9_]+")
        return name, self.fitting("node", node, _TARGET, r"[^A-Za-z0-9.-]+|\.[Mm][Ee][Tt][Aa]$")

    def fitting(self, what: str, name: str, form: re.Pattern[str], unfit: str) -> str:
        if form.fullmatch(name):
            return name
        fit = re.sub(unfit, "_", name).strip("_.-")[:60].rstrip("_.-")
        fit = fit if form.fullmatch(fit) else what.capitalize()
        self.notes.append(f"the {what} '{self.one_line(name)}' is called {fit} here: a spec has no such name")
        return fit

    def one_line(self, text: str) -> str:
        if not _CONTROL.search(text):
            return text
        fit = _CONTROL.sub(" ", text)
        self.notes.append(f"'{fit}': an id is one line of text here; control characters in it became blanks")
        return fit

    def note(self, instance: MofInstance, text: str) -> None:
        name = instance.get("ResourceID")
        self.notes.append(
            f"line {instance.line}, {name if isinstance(name, str) else instance.class_name}: {text}"
        )


def _within_its_type(value: float) -> float:
    """*value*, but the largest number where PowerShell's 15 digits of it are more than it."""
    for limit in (sys.float_info.max, LARGEST_REAL32):
        if abs(value) == float(f"{limit:.15g}"):
            return math.copysign(limit, value)
    return value


def _is_service(instance: MofInstance, name: str) -> bool:
    """Whether the section for the Synchronization Service says all that *instance* says."""
    if not instance.is_a(SYNC_SERVICE.class_name) or name != INSTANCE_ID:
        return False
    if str(instance.get("ModuleName")).lower() != SYNC_SERVICE.module_name.lower():
        return False
    known: dict[str, Property] = {
        item.name.lower(): item for item in SYNC_SERVICE.properties if item.kind is not Kind.READ
    }
    own = {each.lower() for each in instance.properties} - COMMON_PROPERTIES
    return own <= known.keys() and all(
        (item.fixed is None or instance.get(item.name) == item.fixed)
        and (item.default is None or instance.get(item.name) is not None)
        for item in known.values()
    )


def _table(items: tuple[MofValue, ...]) -> dict[str, str] | None:
    """The entries of a hashtable; None when a block of keys would not say the same."""
    found: dict[str, str] = {}
    for item in items:
        if not isinstance(item, MofInstance) or not item.is_a(PAIR_CLASS) or len(item.properties) != 2:
            return None
        key, value = item.get("Key"), item.get("Value")
        if not isinstance(key, str) or not isinstance(value, str) or key in (VAR, JOIN):
            return None
        found[key] = value
    return found if len({key.lower() for key in found}) == len(items) else None
