"""The spec's section ``localConfigurationManager`` as a noun: what the LCM of a node is told.

Everything is checked here, because neither the MOF codec nor the LCM does it before it is too late. Types as those of
any class (``typed``); ranges and forms here; what the blocks say of each other in ``lcm_rules``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mimc.errors import Problem, SpecError

from .class_schema import ClassSchema, SchemaProperty
from .document import Instance, MetaDocument, Value
from .lcm_classes import (
    ARRAYS,
    FORMS,
    MANAGERS,
    NULLABLE,
    RANGES,
    REFUSED,
    REFUSED_SETTINGS,
    SETTINGS,
    SINGLE,
)
from .lcm_rules import Block, faults
from .load import Loaded, Path
from .typed import Fault, ReadReference, Surroundings, expected, type_properties
from .validate import did_you_mean
from .wording import kind, shown

SECTION = "localConfigurationManager"
_KEYS = ("mode", "keepDocument", "settings", "managers")
_MODES = SETTINGS.properties["ConfigurationMode"].value_map
_ID = re.compile(r"[^\x00-\x1f\x7f]+")
_CONFIGURATION = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_REFUSED = {name.lower(): why for name, why in REFUSED.items()}
_WHOLE_ID = re.compile(r"\[(\w+)\](.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Lcm:
    """What a node's LCM is told: settings by their own names, and the blocks beside them in the order of the spec."""

    mode: str = "ApplyOnly"
    keep_document: bool = False
    settings: Mapping[str, Value] = field(default_factory=dict)
    managers: tuple[Instance, ...] = ()

    @property
    def not_pushed_to(self) -> str:
        """Why ``mimc apply`` cannot work on a node with these settings, "" when it can."""
        mode = self.settings.get("RefreshMode", "Push")
        if mode != "Push":
            return f"the spec sets RefreshMode {mode}, and such an LCM takes no document that is pushed"
        if any(item.class_name == "MSFT_PartialConfiguration" for item in self.managers):
            return "the spec makes the node's configuration of parts, and a push is one whole document"
        return ""


def read_lcm(loaded: Loaded, reference: ReadReference) -> tuple[Lcm, list[Problem]]:
    """Return the LCM of *loaded*, an effective spec, and everything that is wrong with the section.

    *reference* reads ``{secret: ...}`` at a path of *loaded*. With problems the LCM is what could be read; without the
    section it is the default.
    """
    reader = _Reader(loaded, reference)
    return reader.section(), sorted(set(reader.problems))


def meta_document(lcm: Lcm, configuration: str, node: str, thumbprint: str) -> MetaDocument:
    """Return the LCM settings of *node*; an empty *thumbprint* says nothing of the LCM's certificate.

    What a meta document leaves out falls back to the LCM's defaults, so what mimc relies on is always said.
    """
    settings: dict[str, Value] = {
        "ActionAfterReboot": "ContinueConfiguration",
        "ConfigurationMode": lcm.mode,
        "RebootNodeIfNeeded": False,
        "RefreshMode": "Push",
        **lcm.settings,
    }
    if thumbprint:
        settings["CertificateID"] = thumbprint
    return MetaDocument(configuration, node, settings, lcm.managers)


class _Reader:
    """Reads the section, collecting problems on its way."""

    def __init__(self, loaded: Loaded, reference: ReadReference) -> None:
        self.problems: list[Problem] = []
        self._loaded, self._reference = loaded, reference

    def section(self) -> Lcm:
        data = self._loaded.data.get(SECTION, {})
        if not isinstance(data, dict):
            self._problem((SECTION,), f"expected a block of keys, got {kind(data)}")
            return Lcm()
        for key in data:
            if key not in _KEYS:
                self._problem((SECTION, key), f"unknown key{did_you_mean(key, _KEYS)}", key=True)
        mode, keep = data.get("mode", "ApplyOnly"), data.get("keepDocument", False)
        if mode not in _MODES:
            near = did_you_mean(mode, _MODES) if isinstance(mode, str) else ""
            text = f"expected {' or '.join(_MODES)}, got {shown(mode)}{near}"
            self._problem((SECTION, "mode"), text)
        if not isinstance(keep, bool):
            self._problem((SECTION, "keepDocument"), f"expected true or false, got {shown(keep)}")
        settings, blocks = self._settings(data), self._blocks(data)
        for path, text in faults(settings, blocks):
            self._problem(path, text)
        values = settings.instance.values
        # In the order of the class: moving a line in the spec changes no document.
        ordered = {name: values[name] for name in SETTINGS.properties if name in values}
        return Lcm(mode, keep, ordered, tuple(block.instance for block in blocks))

    def _settings(self, section: Mapping[str, Any]) -> Block:
        path: Path = (SECTION, "settings")
        data = section.get("settings", {})
        if not isinstance(data, dict):
            self._problem(path, f"expected a block of keys, got {kind(data)}")
            data = {}
        elif "settings" in section and not data:
            self._problem(path, "there is none; leave the key out")
        return self._block(SETTINGS, "", path, data, _refused_settings(data))

    def _blocks(self, section: Mapping[str, Any]) -> list[Block]:
        data = section.get("managers", [])
        if not isinstance(data, list):
            self._problem((SECTION, "managers"), f"expected a list, got {kind(data)}")
            return []
        found = (self._manager((SECTION, "managers", at), item) for at, item in enumerate(data))
        return [block for block in found if block]

    def _manager(self, path: Path, item: object) -> Block | None:
        if not isinstance(item, dict) or len(item) != 1:
            self._problem(path, "expected one key, such as ReportServerWeb, with a block")
            return None
        key, body = next(iter(item.items()))
        whole = _WHOLE_ID.fullmatch(key)
        word = whole[1] if whole else key
        schema = MANAGERS.get(word.lower())
        if schema is None:
            names = [each.friendly_name for each in MANAGERS.values()]
            hint = did_you_mean(word, names) or f"; they are {', '.join(names)}"
            self._problem((*path, key), f"there is no block {word} for an LCM{hint}", key=True)
            return None
        path = (*path, key)
        if not isinstance(body, dict):
            self._problem(path, f"expected a block of keys, got {kind(body)}")
            return None
        name = self._id(schema, path, whole[2] if whole else "", body)
        return self._block(schema, name, path, body, _REFUSED)

    def _id(self, schema: ClassSchema, path: Path, in_key: str, body: Mapping[str, Any]) -> str:
        """Return the id of a block; *in_key* is what its key says."""
        if in_key and "id" in body:
            self._problem((*path, "id"), "the key says the id already", key=True)
        elif not in_key and "id" not in body:
            self._problem(path, "lacks the key id")
            return ""
        name, place = (in_key, path) if in_key else (body["id"], (*path, "id"))
        if not isinstance(name, str) or not _ID.fullmatch(name):
            self._problem(place, f"expected text without control characters, got {shown(name)}")
        elif schema.friendly_name == "PartialConfiguration" and not _CONFIGURATION.fullmatch(name):
            # The part is found by the name that its own document bears.
            words = "the name of a configuration (a letter, then letters, digits and _)"
            self._problem(place, f"expected {words}, got {shown(name)}")
        return str(name)

    def _block(
        self, schema: ClassSchema, name: str, path: Path, body: Mapping[str, Any], refused: Mapping[str, str]
    ) -> Block:
        found: list[Fault | SpecError] = []
        around = Surroundings(
            label=".".join(map(str, path)),
            embedded=lambda _: None,
            reference=lambda raw, below: self._reference(raw, (*path, *below)),
            faults=found,
            said_otherwise={},
        )
        barred = [key for key in body if key.lower() in refused]
        for key in barred:
            self._problem((*path, key), refused[key.lower()], key=True)
        skip = frozenset(barred if schema is SETTINGS else [*barred, "id"])
        values = type_properties(body, schema, (), around, skip)
        keys = {item.name: key for key in body if key not in skip and (item := schema.find(key))}
        for item_name, value in values.items():
            if text := _beyond_its_type(schema.properties[item_name], value):
                around.fault((keys[item_name],), text)
        for fault in found:
            if isinstance(fault, SpecError):
                self.problems += fault.problems
            else:
                place = self._loaded.position((*path, *fault.path), key=fault.at_key)
                self.problems.append(Problem(place, fault.text))
        position = self._loaded.position(path, key=True)
        return Block(
            path, Instance(schema.class_name, schema.friendly_name, name, "", "", values, position), keys
        )

    def _problem(self, path: Path, text: str, *, key: bool = False) -> None:
        name = ".".join(map(str, path))
        self.problems.append(Problem(self._loaded.position(path, key=key), f"{name}: {text}"))


def _refused_settings(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that *data* may not have, in lower case, with the reason."""
    refused = {name.lower(): why for name, why in REFUSED_SETTINGS.items()}
    arrays = {name.lower() for name in ARRAYS}
    for key, value in data.items():
        if key.lower() == "certificateid" and value is None:
            refused.pop(key.lower(), None)
        elif key.lower() in arrays and value != []:
            refused[key.lower()] = "it takes only [], for none; those that there are to be stand in managers"
        elif key.lower() in MANAGERS:
            refused[key.lower()] = "it is a block of its own and stands in managers"
    return refused


def _beyond_its_type(item: SchemaProperty, value: Value) -> str:
    """Return what is wrong with a value of the right type, "" when nothing is."""
    if value is None:
        return "" if item.name in NULLABLE else f"expected {expected(item)}, got nothing; leave the key out"
    if isinstance(value, tuple):
        return f"takes one value, got {len(value)}" if item.name in SINGLE and len(value) != 1 else ""
    if item.name in RANGES and isinstance(value, int):
        low, high = RANGES[item.name]
        return "" if low <= value <= high else f"expected a whole number from {low} to {high}, got {value}"
    if item.name in FORMS and isinstance(value, str):
        form, words = FORMS[item.name]
        if not re.fullmatch(form, value):
            # An address may hold a password: it is not repeated.
            return (
                f"expected {words}" if item.name.endswith("URL") else f"expected {words}, got {shown(value)}"
            )
    return ""
