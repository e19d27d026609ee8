"""Documents as a PowerShell configuration to read, review and, where one likes, compile on Windows.

The only home of ``jinja2``. Every value goes through the one table of literals; credentials are parameters.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mimc import templates
from mimc.secret import Credential

from .class_schema import PAIR_CLASS
from .document import Document, Embedded, Instance, MetaDocument, Value
from .literals import powershell
from .modules import INBOX_MODULE, INBOX_VERSIONS
from .mof import MAX_REMEMBERED, RUN_AS

_STEP = "    "
_NAMED = (
    "# PowerShell's compiler does not name this block in the settings, and an LCM refuses that; "
    "mimc's meta MOF does."
)
#: Names that are taken: the script's own, parameters that PowerShell gives every configuration and every advanced
#: script (about_CommonParameters), and its own variables (about_Automatic_Variables).
_TAKEN = re.compile(
    "outputpath|configurationdata|configurationname|instancename|dependson|psdscrunascredential|allnodes|node|"
    "debug|verbose|(error|warning|information|progress)action|outbuffer|"
    "(error|warning|information|out|pipeline)variable|"
    "args|consolefilename|enabledexperimentalfeatures|error|event(args|subscriber)?|executioncontext|false|foreach|"
    "home|host|input|is(coreclr|linux|macos|windows)|lastexitcode|matches|myinvocation|nestedpromptlevel|null|pid|"
    "profile|ps[a-z]*|pwd|sender|shellid|stacktrace|switch|this|true",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ScriptTexts:
    """The texts of instances that several scripts share, each written once. Bounded, as those of MOF are."""

    _texts: dict[int, tuple[Instance, str]] = field(default_factory=dict)

    def of(self, instance: Instance, parameters: "Parameters") -> str:
        """Return the text of *instance*; one with credentials is written anew, for its parameters are the script's."""
        key = id(instance)
        if key in self._texts:
            return self._texts[key][1]
        text = _resource(instance, parameters)
        if not instance.credentials():
            if len(self._texts) >= MAX_REMEMBERED:
                self._texts.clear()
            # The instance stays in the table: as long as it does, no other one can have its id.
            self._texts[key] = instance, text
        return text


def write(
    documents: Sequence[Document], metas: Sequence[MetaDocument], texts: ScriptTexts | None = None
) -> bytes:
    """Return the configuration of all nodes in *documents*: UTF-8 with BOM, which Windows PowerShell 5.1 needs.

    *texts* is for callers that write many scripts of one spec.
    """
    parameters = Parameters()
    known = ScriptTexts() if texts is None else texts
    nodes = [
        {"name": document.node, "blocks": [known.of(i, parameters) for i in document.instances]}
        for document in documents
    ]
    lcms = [{"name": meta.node, "blocks": list(_lcm_blocks(meta, parameters))} for meta in metas]
    sealed = {document.node for document in documents if document.credentials()}
    sealed |= {meta.node for meta in metas if meta.credentials()}
    text: str = _template().render(
        name=documents[0].configuration,
        nodes=nodes,
        lcms=lcms,
        has_managers=any(meta.managers for meta in metas),
        sealed=sealed,
        credentials=parameters.credentials(),
        modules=_modules(documents),
    )
    return text.encode("utf-8-sig")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters by which a script takes its credentials."""

    _names: dict[tuple[str, Credential], str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def name(self, wanted: str, credential: Credential) -> str:
        """Return the parameter for *credential*: *wanted* made a name of ASCII, numbered when another one has it."""
        base = re.sub("[^A-Za-z0-9_]", "_", wanted)
        # PowerShell takes -1x for a number, and some names for its own.
        if not base[:1].isalpha() or _TAKEN.fullmatch(base):
            base = f"Credential{base}"
        key = base.lower(), credential
        if key not in self._names:
            self._names[key] = self._free(base)
        return self._names[key]

    def _free(self, base: str) -> str:
        folded = base.lower()
        while True:
            self._counts[folded] = count = self._counts.get(folded, 0) + 1
            name = base if count == 1 else f"{base}_{count}"
            if name.lower() not in self._used:
                self._used.add(name.lower())
                return name

    def credentials(self) -> dict[str, Credential]:
        """Return the credentials by the names of their parameters, in the order of their first use."""
        return {name: credential for (_, credential), name in self._names.items()}


def _modules(documents: Sequence[Document]) -> list[tuple[str, str]]:
    """Names and versions to import. The inbox module without a version is the one that is 1.0 in documents."""
    found = {(i.module_name, i.module_version) for document in documents for i in document.instances}
    inbox = {(name, version) for name, version in found if name.lower() == INBOX_MODULE.lower()}
    said = {(name, version) for name, version in inbox if version != INBOX_VERSIONS[0]}
    return sorted((found - inbox) | (said or {(name, "") for name, _ in inbox}))


def _resource(instance: Instance, parameters: Parameters) -> str:
    values: dict[str, Value] = dict(instance.values)
    if instance.depends_on:
        values["DependsOn"] = instance.depends_on
    lines = _lines(values, _STEP * 3, instance.id, parameters)
    return _block(f"{instance.friendly_name} {powershell(instance.id)}", lines)


def _lcm_blocks(meta: MetaDocument, parameters: Parameters) -> Iterator[str]:
    width = max(map(len, meta.settings), default=0)
    # Here $null is a setting that is taken back.
    settings = (
        f"{_STEP * 3}{name.ljust(width)} = {'$null' if value is None else powershell(value)}"
        for name, value in meta.settings.items()
    )
    yield _block("Settings", settings)
    for manager in meta.managers:
        lines = _lines(manager.values, _STEP * 3, manager.id, parameters)
        block = _block(f"{manager.friendly_name} {powershell(manager.id)}", lines)
        yield f"{_STEP * 2}{_NAMED}\n{block}" if manager.friendly_name == "SignatureValidation" else block


def _block(head: str, lines: Iterable[str]) -> str:
    indent = _STEP * 2
    return "\n".join((f"{indent}{head}", f"{indent}{{", *lines, f"{indent}}}"))


def _lines(values: Mapping[str, Value], indent: str, owner: str, parameters: Parameters) -> Iterator[str]:
    width = max(map(len, values), default=0)
    for name, value in values.items():
        if value is None:
            # $null for a number is 0 to PowerShell, and for a date an error; what is not there is NULL for the LCM.
            yield f"{indent}# {name} is NULL: left out"
            continue
        text = _expression(value, indent, owner + ("RunAs" if name == RUN_AS else name), parameters)
        yield f"{indent}{name.ljust(width)} = {text}"


def _expression(value: Value, indent: str, owner: str, parameters: Parameters) -> str:
    if isinstance(value, (str, bool, int, float)):
        return powershell(value)
    match value:
        case Credential():
            return f"${parameters.name(owner, value)}"
        case Embedded():
            lines = _lines(value.values, indent + _STEP, owner, parameters)
            return "\n".join((f"{value.class_name} {{", *lines, f"{indent}}}"))
        case tuple() if value and all(isinstance(item, Embedded) for item in value):
            return _instances(value, indent, owner, parameters)
        case tuple() if value and isinstance(value[0], Credential):
            items = [_expression(each, "", f"{owner}{at}", parameters) for at, each in enumerate(value, 1)]
            return f"@({', '.join(items)})"
        case _:
            return powershell(value)


def _instances(items: tuple[Any, ...], indent: str, owner: str, parameters: Parameters) -> str:
    """An array of instances; of pairs as the hashtable that they come from, when it can be one."""
    inner = indent + _STEP
    if (pairs := _hashtable(items)) is not None:
        lines = [f"{inner}{powershell(key)} = {powershell(value)}" for key, value in pairs.items()]
        return "\n".join(("@{", *lines, f"{indent}}}"))
    lines = [inner + _expression(item, inner, f"{owner}{at}", parameters) for at, item in enumerate(items, 1)]
    return "\n".join(("@(", *lines, f"{indent})"))


def _hashtable(items: tuple[Embedded, ...]) -> dict[str, str] | None:
    pairs: dict[str, str] = {}
    for item in items:
        key, value = item.values.get("Key"), item.values.get("Value")
        if item.class_name != PAIR_CLASS or not isinstance(key, str) or not isinstance(value, str):
            return None
        pairs[key] = value
    return pairs if len({key.lower() for key in pairs}) == len(items) else None


@cache
def _template() -> Any:
    import jinja2  # late: half of what a compile needs to start, and validate must not pay it

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(templates.read),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["ps"] = powershell
    return environment.get_template("configuration.ps1.j2")
