"""A second, independent parser: pywbem reads our documents and finds the same values, where its grammar reaches."""

import re
from pathlib import Path

import pytest

from mimc.compiler.mof_reader import MofInstance, decode, read_mof

from .documents import documents
from .test_mof import CASES, spec_of

pywbem_mof = pytest.importorskip("pywbem._mof_compiler", reason="pywbem is not installed")

SCHEMA = Path(__file__).parent.parent.joinpath(
    "resources/dsc-modules/MimSyncDsc/DSCResources/MSFT_MimSyncService/MSFT_MimSyncService.schema.mof"
)
#: Own declarations of what every document leans on: qualifiers, and the classes of reference/dsc-mof.md 1.2 and 1.6.
BASE = """
Qualifier Abstract : boolean = false, Scope(class), Flavor(DisableOverride, Restricted);
Qualifier ClassVersion : string = null, Scope(class), Flavor(Restricted);
Qualifier FriendlyName : string = null, Scope(class), Flavor(Restricted);
Qualifier Key : boolean = false, Scope(property), Flavor(DisableOverride);
Qualifier Required : boolean = false, Scope(property), Flavor(DisableOverride);
Qualifier Write : boolean = false, Scope(property), Flavor(EnableOverride);
Qualifier Read : boolean = false, Scope(property), Flavor(EnableOverride);
Qualifier Description : string = null, Scope(any), Flavor(EnableOverride);
Qualifier EmbeddedInstance : string = null, Scope(property), Flavor(EnableOverride);
Qualifier Values : string[], Scope(property), Flavor(EnableOverride);
Qualifier ValueMap : string[], Scope(property), Flavor(EnableOverride);

class MSFT_Credential { string UserName; string Password; };
class OMI_BaseResource {
  string ResourceId; string ModuleName; string ModuleVersion; string SourceInfo; string DependsOn[];
  string ConfigurationName; [EmbeddedInstance("MSFT_Credential")] string PsDscRunAsCredential;
};
class OMI_ConfigurationDocument {
  string Version; string MinimumCompatibleVersion; string CompatibleVersionAdditionalProperties[]; string Author;
  string GenerationDate; string GenerationHost; string ContentType; string Name;
};
class MSFT_DSCMetaConfiguration {
  string ActionAfterReboot; string ConfigurationMode; boolean RebootNodeIfNeeded; string RefreshMode; string CertificateID;
};
"""
#: Raw control characters in a string: the LCM's codec takes them, pywbem's grammar does not.
RAW_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]|\r(?!\n)")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pywbem_reads_the_same_values(case: Path) -> None:
    for name, data in documents(spec_of(case)).items():
        if name.endswith(".mof") and not RAW_CONTROL.search(decode(data)):
            assert _by_pywbem(decode(data)) == _by_us(data), name


def _by_pywbem(text: str) -> list[tuple[str, dict[str, object]]]:
    # A single embedded instance ends as None there (reference/dsc-mof.md section 9), so credentials are left out.
    repository = pywbem_mof.MOFWBEMConnection()
    compiler = pywbem_mof.MOFCompiler(repository, search_paths=[], log_func=None)
    for source in (BASE, SCHEMA.read_text("utf-8"), text):
        compiler.compile_string(source, "root/dsc")
    return [
        (
            found.classname,
            {k.casefold(): _plain(v.value) for k, v in found.properties.items() if v.value is not None},
        )
        for found in repository.instances["root/dsc"]
        if found.classname != "MSFT_Credential"
    ]


def _by_us(data: bytes) -> list[tuple[str, dict[str, object]]]:
    return [
        (
            read.class_name,
            {k.casefold(): v for k, v in read.properties.items() if not isinstance(v, MofInstance)},
        )
        for read in read_mof(data).instances
        if not read.is_a("MSFT_Credential")
    ]


def _plain(value: object) -> object:
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, int) else str(value)
