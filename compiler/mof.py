"""The document of a node as MOF, in the forms that Windows PowerShell writes and its LCM reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mimc.secret import Credential

from .class_schema import CREDENTIAL_CLASS
from .document import Document, Embedded, Instance, Value
from .literals import mof as literal
from .literals import mof_array
from .modules import INBOX_MODULE, INBOX_VERSIONS
from .mof_writer import MofWriter, source_info

#: Gives the sealed text of a credential's password.
Seal = Callable[[Credential], str]
RUN_AS = "PsDscRunAsCredential"
#: PowerShell writes this one for the inbox module when a resource of the document runs as someone.
_INBOX_VERSION_WITH_RUN_AS = "0.0"
#: Instances whose texts are kept, some 1 KB each.
MAX_REMEMBERED = 20_000

#: A part of a text: itself, the number of the block whose alias stands here, or the credential whose password does.
Part = str | int | Credential


@dataclass(frozen=True, slots=True)
class Block:
    """The body of one MOF instance with its aliases and its sealed password left open."""

    class_name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class InstanceTexts:
    """The texts of instances that several documents of one configuration share, each written once.

    Only aliases and sealed passwords differ from node to node. Bounded, so that a compile whose instances are all
    distinct does not grow with its nodes.
    """

    _blocks: dict[tuple[int, str, str], tuple[Instance, tuple[Block, ...]]] = field(default_factory=dict)

    def of(self, instance: Instance, configuration: str, module_version: str) -> tuple[Block, ...]:
        """Return the blocks of *instance*, the resource itself last."""
        key = id(instance), configuration, module_version
        if key not in self._blocks:
            if len(self._blocks) >= MAX_REMEMBERED:
                self._blocks.clear()
            # The instance stays in the table: as long as it does, no other one can have its id.
            self._blocks[key] = instance, _blocks(instance, configuration, module_version)
        return self._blocks[key][1]


def write(document: Document, spec_hash: str, seal: Seal, texts: InstanceTexts | None = None) -> bytes:
    """Return the node MOF of *document*; *texts* is for callers that write many documents of one spec."""
    writer = MofWriter()
    run_as = any(RUN_AS in instance.values for instance in document.instances)
    known = InstanceTexts() if texts is None else texts
    for instance in document.instances:
        version = module_version(instance, run_as)
        _add(writer, known.of(instance, document.configuration, version), seal)
    writer.document(
        document.configuration,
        minimum_version="2.0.0" if run_as else "1.0.0",
        ignored="Omi_BaseResource:ConfigurationName",
        host=spec_hash,
        encrypted=bool(document.credentials()),
    )
    return writer.file(document.node)


def module_version(instance: Instance, run_as: bool) -> str:
    """Return the ModuleVersion of *instance* in a document where *run_as* says if any instance runs as someone.

    PowerShell writes the inbox module as 1.0, or 0.0 in such a document, unless the configuration names a version
    (reference/dsc-mof.md 1.2, oracle cases inbox-* and runas-credential-with-inbox).
    """
    inbox = instance.module_name.lower() == INBOX_MODULE.lower()
    if run_as and inbox and instance.module_version == INBOX_VERSIONS[0]:
        return _INBOX_VERSION_WITH_RUN_AS
    return instance.module_version


def _add(writer: MofWriter, blocks: tuple[Block, ...], seal: Seal) -> None:
    aliases: list[str] = []
    for block in blocks:
        parts = block.parts
        if len(parts) == 1 and isinstance(parts[0], str):
            text = parts[0]
        else:
            text = "".join([_filled(part, aliases, seal) for part in parts])
        aliases.append(writer.add(block.class_name, text))


def _filled(part: Part, aliases: list[str], seal: Seal) -> str:
    match part:
        case str():
            return part
        case int():
            return aliases[part]
        case Credential():
            return literal(seal(part))


def _blocks(instance: Instance, configuration: str, version: str) -> tuple[Block, ...]:
    last: dict[str, Value] = {
        "ModuleName": instance.module_name,
        "ModuleVersion": version,
        "SourceInfo": source_info(instance.position, instance.friendly_name),
    }
    if instance.depends_on:
        last["DependsOn"] = instance.depends_on
    last["ConfigurationName"] = configuration
    blocks: list[Block] = []
    _append(blocks, instance.class_name, {"ResourceID": instance.resource_id, **instance.values, **last})
    return tuple(blocks)


def _append(blocks: list[Block], class_name: str, values: Mapping[str, Value]) -> int:
    """Append the blocks of an instance, inner ones first; return the number of its own."""
    parts: list[Part] = []
    text = ""
    separator = ""
    for name, value in values.items():
        text += f"{separator}{name} = "
        separator = "\n "
        if isinstance(value, (Credential, Embedded)):
            parts += [text, _reference(blocks, value)]
            text = ";"
        elif type(value) is tuple and value and isinstance(value[0], (Credential, Embedded)):
            # An array of marks, filled at its marks.
            before, *between = mof_array(["\0"] * len(value)).split("\0")
            text += before
            for item, after in zip(value, between, strict=True):
                assert isinstance(item, (Credential, Embedded))
                parts += [text, _reference(blocks, item)]
                text = after
            text += ";"
        else:
            text += literal(value) + ";"
    blocks.append(Block(class_name, (*parts, text)))
    return len(blocks) - 1


def _reference(blocks: list[Block], value: Credential | Embedded) -> int:
    if isinstance(value, Embedded):
        return _append(blocks, value.class_name, value.values)
    blocks.append(Block(CREDENTIAL_CLASS, (f"UserName = {literal(value.user)};\n Password = ", value, ";")))
    return len(blocks) - 1
