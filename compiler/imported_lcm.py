"""The document of an LCM as the section ``localConfigurationManager`` that compiles back to it."""

from collections.abc import Callable, Iterator
from typing import Any

from mimc.errors import InputError

from .class_schema import Qualifier
from .lcm_classes import ARRAYS, MANAGERS, REFUSED, REFUSED_SETTINGS, SETTINGS
from .mof_reader import Mof, MofInstance, MofValue
from .mof_rules import META_CLASS

#: The meta instance; the second name is that of the schema.
META_CLASSES = (META_CLASS, f"{META_CLASS}V2")
#: What an LCM does when its document says nothing.
_DEFAULT_MODE = "ApplyAndMonitor"
_MANAGERS = {schema.class_name.lower(): schema for schema in MANAGERS.values()}


def lcm_section(meta: Mof, value: Callable[[MofValue], Any], notes: list[str]) -> dict[str, Any]:
    """Return the section; *value* turns values into plain data, what is left out goes to *notes*.

    Raises:
        InputError: it is no document of an LCM.
    """
    found = [instance for instance in meta.instances if any(map(instance.is_a, META_CLASSES))]
    if len(found) != 1:
        raise InputError("the second document is not that of an LCM: it has no MSFT_DSCMetaConfiguration")
    section: dict[str, Any] = {"mode": _DEFAULT_MODE}
    settings: dict[str, Any] = {}
    managers: list[dict[str, Any]] = []
    for name, given in found[0].properties.items():
        item = SETTINGS.find(name)
        if item and item.name == "ConfigurationMode" and given in item.value_map:
            section["mode"] = given
        elif item and item.name in ARRAYS and isinstance(given, tuple) and given:
            managers += _managers(given, value, notes)
        elif item and item.name == "CertificateID" and given is not None:
            notes.append("CertificateID: mimc takes it from the target's certificate")
        elif (
            item is None
            or item.qualifier is Qualifier.READ
            or (item.name in REFUSED_SETTINGS and given is not None)
        ):
            notes.append(f"{name}: {REFUSED_SETTINGS.get(name, 'it cannot be set')}")
        else:
            settings[item.name] = value(given)
    if settings:
        section["settings"] = settings
    if managers:
        section["managers"] = managers
    return section


def _managers(
    items: tuple[MofValue, ...], value: Callable[[MofValue], Any], notes: list[str]
) -> Iterator[dict[str, Any]]:
    for instance in items:
        if not isinstance(instance, MofInstance) or instance.class_name.lower() not in _MANAGERS:
            notes.append("a manager is of a class that is not known; left out")
            continue
        schema = _MANAGERS[instance.class_name.lower()]
        resource_id = str(instance.get("ResourceID"))
        body: dict[str, Any] = {"id": resource_id.partition("]")[2] or schema.friendly_name}
        for name, given in instance.properties.items():
            item = schema.find(name)
            if item and item.name in REFUSED:
                notes.append(f"{resource_id}.{item.name}: {REFUSED[item.name]}")
            elif item:
                body[item.name] = value(given)
        yield {schema.friendly_name: body}
