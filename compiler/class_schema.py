"""What a DSC class can hold: the nouns that a schema.mof is read into.

They know neither YAML nor MOF text. A resource class has a friendly name, an embedded class has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: Two embedded classes that every document knows: an account with its password, an entry of a hashtable.
CREDENTIAL_CLASS = "MSFT_Credential"
PAIR_CLASS = "MSFT_KeyValuePair"


class CimType(StrEnum):
    """The type of a property, by its MOF name."""

    BOOLEAN = "boolean"
    UINT8 = "uint8"
    SINT8 = "sint8"
    UINT16 = "uint16"
    SINT16 = "sint16"
    UINT32 = "uint32"
    SINT32 = "sint32"
    UINT64 = "uint64"
    SINT64 = "sint64"
    REAL32 = "real32"
    REAL64 = "real64"
    CHAR16 = "char16"
    STRING = "string"
    DATETIME = "datetime"
    INSTANCE = "instance"  # a string with the qualifier EmbeddedInstance


class Qualifier(StrEnum):
    """What may or must be done with a property."""

    KEY = "Key"
    REQUIRED = "Required"
    WRITE = "Write"
    READ = "Read"


@dataclass(frozen=True, slots=True)
class SchemaProperty:
    """One property of a class.

    ``value_map`` are the values that a document may hold, ``values`` their names where they differ (a number with
    ValueMap is written by its name in a configuration). ``embedded`` is the class of an instance.
    """

    name: str
    type: CimType
    qualifier: Qualifier
    is_array: bool = False
    value_map: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    embedded: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ClassSchema:
    """One class: its own properties and those of its bases, by name in the order of declaration.

    ``friendly_name`` is what a configuration says, "" for a class that can only be embedded.
    """

    class_name: str
    friendly_name: str
    properties: Mapping[str, SchemaProperty]

    def find(self, name: str) -> SchemaProperty | None:
        """Return the property *name*, ignoring case."""
        if name in self.properties:
            return self.properties[name]
        folded = name.lower()
        return next((item for key, item in self.properties.items() if key.lower() == folded), None)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the key properties."""
        return tuple(name for name, item in self.properties.items() if item.qualifier is Qualifier.KEY)
