"""Documents as MOF: the golden files, what a reader makes of them, and the oracle as judge of every literal."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimc.compiler import mof as mof_writer
from mimc.compiler.document import Document, Value
from mimc.compiler.expand import audit_document, node_document
from mimc.compiler.literals import mof as literal
from mimc.compiler.mof_reader import MofInstance, decode, read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.compiler.spec import Spec, read_spec
from mimc.secret import Credential

from .documents import MODULE_VERSION, THUMBPRINT, documents, sealed

HERE = Path(__file__).parent
ORACLE = sorted((HERE / "oracle").glob("*/expected*.mof"))
CASES = sorted((HERE / "golden").iterdir())


def spec_of(case: Path) -> Spec:
    own = case / "spec.yaml"
    file = own if own.exists() else HERE.parent / "examples" / case.name / "spec.yaml"
    return read_spec(file.read_bytes(), "spec.yaml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_files_of_a_spec_are_the_golden_ones(case: Path) -> None:
    golden = {file.name.removeprefix("expected."): file for file in case.glob("expected.*")}
    files = documents(spec_of(case))
    assert set(files) == set(golden)
    for name, data in files.items():
        text = data.decode("utf-16") if name.endswith(".mof") else data.decode("utf-8")
        assert text == golden[name].read_bytes().decode("utf-8"), name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_document_reads_back_as_what_the_model_says(case: Path) -> None:
    spec = spec_of(case)
    files = documents(spec)
    for target in spec.targets.values():
        _same(
            files[f"{target.name}.mof"],
            node_document(spec.name, target.name, spec.node(target), MODULE_VERSION),
        )
        if audit := audit_document(spec.name, target.name, spec.node(target), MODULE_VERSION):
            _same(files[f"{target.name}.audit.mof"], audit)


def _same(data: bytes, document: Document) -> None:
    mof = read_mof(data)
    assert check_rules(mof, meta=False) == []
    resources = [instance for instance in mof.top_level if instance.get("ResourceID")]
    run_as = any("PsDscRunAsCredential" in instance.values for instance in document.instances)
    assert [i.get("ResourceID") for i in resources] == [i.resource_id for i in document.instances]
    for read, meant in zip(resources, document.instances, strict=True):
        common = {
            "ResourceID": meant.resource_id,
            "ModuleName": meant.module_name,
            "ModuleVersion": mof_writer.module_version(meant, run_as),
            "SourceInfo": f"spec.yaml::{meant.position.line}::{meant.position.column}::{meant.friendly_name}",
            "ConfigurationName": document.configuration,
        } | ({"DependsOn": meant.depends_on} if meant.depends_on else {})
        values = {name: _plain(value) for name, value in meant.values.items()}
        assert {name: _read(value) for name, value in read.properties.items()} == values | common


def _plain(value: Value) -> object:
    return (value.user, sealed(value)) if isinstance(value, Credential) else value


def _read(value: object) -> object:
    if isinstance(value, MofInstance):
        assert value.is_a("MSFT_Credential")
        return value.get("UserName"), value.get("Password")
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_document_has_the_bytes_of_windows_powershell(case: Path) -> None:
    for name, data in documents(spec_of(case)).items():
        if name.endswith(".mof"):
            assert data.startswith(b"\xff\xfe"), "UTF-16LE with BOM"
            text = data[2:].decode("utf-16-le")
            assert text.endswith("};\r\n")
            assert not re.search(r"(?<!\r)\n", text), "CRLF line ends only"


def test_a_meta_document_names_the_certificate_and_passes_the_rules_of_the_lcm() -> None:
    mof = read_mof(documents(spec_of(HERE / "golden" / "contoso"))["corpsync.meta.mof"])
    assert check_rules(mof, meta=True) == []
    (meta,) = (i for i in mof.instances if i.is_a("MSFT_DSCMetaConfiguration"))
    assert meta.get("CertificateID") == THUMBPRINT
    assert meta.get("RebootNodeIfNeeded") is False


_PROPERTY = re.compile(
    r"""^\ ?\w+\ =\ (
        "(?:[^"\\]|\\.)*" | True | False | -?[0-9]+
        | \{\r\n(?:\ {4}"(?:[^"\\]|\\.)*"(?:,\r\n|\r\n|(?=\})))+\}
    );""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def _literals(file: Path) -> Iterator[str]:
    for match in _PROPERTY.finditer(decode(file.read_bytes())):
        yield match[1]


def test_every_literal_of_the_oracle_that_we_can_write_we_write_the_same() -> None:
    """The oracle's own spelling of a value, read and written again, is that spelling (white space in arrays apart)."""
    seen: dict[type, int] = {}
    for file in ORACLE:
        for text in _literals(file):
            value = read_mof(f"instance of X {{ V = {text}; }};").instances[0].get("V")
            assert value is not None
            assert _spelling(literal(value)) == _spelling(text), file
            seen[type(value)] = seen.get(type(value), 0) + 1
    assert set(seen) == {str, bool, int, tuple}
    assert min(seen.values()) > 10


def _spelling(text: str) -> str:
    return re.sub(r"\s*\}$", "}", text.replace("\r\n", "\n"))
