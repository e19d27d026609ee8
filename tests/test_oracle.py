"""Our compiler against the real one: every pair of the oracle, by what its documents mean.

``oracle/<case>.yaml`` says in a spec what ``oracle/<case>/configuration.ps1`` says to PowerShell. Where mimc refuses
it, ``oracle/<case>.problems.txt`` has what it says. Every difference that is meant stands in ``DELIBERATE``.
"""

import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from mimc.bundle import Bundle, sha256
from mimc.certificates import EncryptionCertificate, read_encryption_certificate
from mimc.cms import is_sealed, open_sealed
from mimc.compiler import compile_spec
from mimc.compiler.mof_meaning import differences
from mimc.compiler.mof_reader import MofValue, read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.compiler.spec import Target, read_spec
from mimc.errors import SpecError
from mimc.secret import Secret, SecretReference

ORACLE = Path(__file__).parent / "oracle"
CASES = sorted(path.parent.name for path in ORACLE.glob("*/configuration.ps1"))
#: One key and its certificate made all sealed pairs.
KEY = ORACLE / "credential-encrypted" / "key.pem"


@dataclass(frozen=True)
class Rule:
    """A rule by which mimc does something else than PowerShell, with every pair where that shows.

    ``different`` are instance and property, by case; ``*`` in front stands for any instance. ``refused`` are cases that
    PowerShell compiles, ``compiled`` are cases that it refuses with instance, property and value that mimc writes.
    """

    reason: str
    different: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    compiled: Mapping[str, tuple[str, str, MofValue]] = field(default_factory=dict)


_SEALED = ("*.Password", "OMI_ConfigurationDocument: ContentType")
_META = "MSFT_DSCMetaConfiguration: "
_SAID = (f"{_META}ActionAfterReboot", f"{_META}ConfigurationMode", f"{_META}RebootNodeIfNeeded")
_IGNORED = "OMI_ConfigurationDocument: CompatibleVersionAdditionalProperties"

DELIBERATE = (
    Rule(
        "No secret is ever written in clear: passwords are sealed, and a registration key cannot be.",
        {
            "class-based-resource": _SEALED,
            "credential-domain-user-warning": _SEALED,
            "credential-plain": _SEALED,
            "credential-single-in-array": _SEALED,
            "lcm-pull-managers": ("*.RegistrationKey",),
            "mim-install-plain": _SEALED,
            "runas-composite": _SEALED,
            "runas-credential": _SEALED,
            "runas-credential-with-inbox": _SEALED,
            "runas-other-node": _SEALED,
        },
    ),
    Rule(
        "Faults of PowerShell's writer are not copied: what it looks for in texts and in other nodes, writes without "
        "its escape or its point, does not name, writes though the LCM refuses it, or passes over in silence.",
        {
            "dependson-lost-to-text": ("[Simple]B: DependsOn",),
            "inbox-version-lost-to-text": ("[Environment]E: ModuleVersion",),
            "lcm-signature": (f"{_META}SignatureValidations", "[SignatureValidation]Signed: "),
            "runas-other-node": ("[Environment]E: ModuleVersion",),
            "text-names-runas": ("OMI_ConfigurationDocument: MinimumCompatibleVersion",),
            "text-names-the-document": ("OMI_ConfigurationDocument: ",),
        },
        refused=("keys-duplicate-identical", "silent-node-name-empty"),
        compiled={
            "refuse-char-backslash": ("[AllTypes]A", "PChar", "\\"),
            "refuse-real-exponent": ("[AllTypes]A", "PR64", 1e21),
            "refuse-string-equal-to-alias": ("[Simple]Second", "Text", "$T_Simple1ref"),
        },
    ),
    Rule(
        "The document instance is mimc's: its name is that of the configuration, which a node reports back.",
        {
            "document-instance-own": (
                "OMI_ConfigurationDocument: Name",
                "OMI_ConfigurationDocument: Copyright",
            )
        },
    ),
    Rule(
        "The settings of the LCM that mimc relies on are always said: those left out fall back to defaults.",
        {
            "lcm-every-setting-empty": _SAID,
            "lcm-old-block": (f"{_META}ActionAfterReboot", f"{_META}RefreshMode"),
            "lcm-old-custom-data": _SAID,
            "lcm-partial": _SAID,
            "lcm-pull-managers": _SAID,
            "lcm-share-credential": _SAID,
            "lcm-signature": _SAID,
        },
    ),
    Rule(
        "The LCM block of WMF 4 is written in the form of WMF 5.",
        {
            "lcm-old-block": (_IGNORED,),
            "lcm-old-custom-data": (
                _IGNORED,
                "OMI_ConfigurationDocument: MinimumCompatibleVersion",
                f"{_META}ConfigurationDownloadManagers",
                f"{_META}DownloadManagerCustomData",
                f"{_META}DownloadManagerName",
            ),
        },
    ),
    Rule(
        "A number of a ValueMap may be said as the number that the document holds.",
        compiled={"refuse-enum-mapped-number": ("[Choice]A", "Level", 2)},
    ),
)
WE_REFUSE = frozenset(case for rule in DELIBERATE for case in rule.refused)
WE_COMPILE = {case: written for rule in DELIBERATE for case, written in rule.compiled.items()}
REFUSED = [
    case for case in CASES if case in WE_REFUSE or (case.startswith("refuse-") and case not in WE_COMPILE)
]
COMPILED = [case for case in CASES if not case.startswith("refuse-") and case not in WE_REFUSE]
WITH_CREDENTIALS = [
    case
    for case in COMPILED
    if any(b"MSFT_Credential" in document.read_bytes() for document in ORACLE.glob(f"{case}/expected*.mof"))
]


@pytest.fixture(autouse=True)
def _in_the_folder_of_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ORACLE)


@cache
def compiled(case: str) -> Bundle:
    spec = read_spec(Path(f"{case}.yaml").read_bytes(), f"{case}.yaml")
    return compile_spec(spec, list(spec.targets.values()), certificate, password)


def certificate(target: Target) -> EncryptionCertificate | None:
    if not target.certificate:
        return None
    return read_encryption_certificate(Path(target.certificate).read_bytes(), target.certificate)


def password(reference: SecretReference) -> Secret:
    """The passwords of the configurations; they say several under one name."""
    match reference.position.file.removesuffix(".yaml"), reference.name:
        case _, "LONG_PASSWORD":
            return Secret("x1Y!" * 100)
        case "mim-install-plain", _:
            return Secret("Sync#2026")
        case (("credential-encrypted" | "mim-install-encrypted" | "lcm-share-credential"), _):
            return Secret('Pä$$ "w" \\ 😀')
        case _:
            return Secret('P@ss "w" \\ $x')


def pairs(case: str) -> Iterator[tuple[bytes, bytes]]:
    """The documents of the real compiler, each with ours; what tells the nodes apart is in the file's name."""
    nodes = compiled(case).nodes
    for path in sorted(Path(case).glob("expected*.mof")):
        stem = path.name.removesuffix(".mof")
        node = nodes[stem.removesuffix(".meta").removeprefix("expected-")] if "-" in stem else None
        if node is None:
            (node,) = nodes.values()
        yield path.read_bytes(), node.meta_mof if stem.endswith(".meta") else node.mof


def test_every_pair_has_its_spec_and_every_refusal_its_problems() -> None:
    assert len(CASES) == 131
    assert sorted(path.stem for path in ORACLE.glob("*.yaml")) == CASES
    problems = sorted(path.name.removesuffix(".problems.txt") for path in ORACLE.glob("*.problems.txt"))
    assert problems == sorted(REFUSED)


@pytest.mark.parametrize("case", COMPILED)
def test_a_document_means_what_the_real_one_means(case: str) -> None:
    found = {
        f"{each.instance}: {each.property}"
        for real, ours in pairs(case)
        for each in differences(read_mof(real), read_mof(ours))
    }
    for rule in DELIBERATE:
        for wanted in rule.different.get(case, ()):
            covered = {
                text for text in found if text == wanted or (wanted[0] == "*" and text.endswith(wanted[1:]))
            }
            assert covered, f"the table says that {wanted} is different, and it is not"
            found -= covered
    assert not found


@pytest.mark.parametrize("case", COMPILED)
def test_ids_and_dependencies_are_spelled_as_the_real_ones(case: str) -> None:
    table = {text for rule in DELIBERATE for text in rule.different.get(case, ())}
    for real, ours in pairs(case):
        for each in differences(read_mof(real), read_mof(ours), everything=True):
            if each.property.rpartition(".")[2] in ("ResourceID", "DependsOn", "ModuleName", "class"):
                assert f"{each.instance}: {each.property}" in table


@pytest.mark.parametrize("case", COMPILED)
def test_there_is_a_document_of_ours_for_each_node_and_no_other(case: str) -> None:
    names = {path.name.removesuffix(".mof") for path in Path(case).glob("expected*.mof")}
    nodes = {name.removeprefix("expected-") for name in names if name.startswith("expected-")}
    assert len(compiled(case).nodes) == max(1, len(nodes))
    assert not nodes or set(compiled(case).nodes) == nodes


@pytest.mark.parametrize("case", [*COMPILED, *WE_COMPILE])
def test_our_documents_pass_the_rules_of_the_lcm(case: str) -> None:
    for node in compiled(case).nodes.values():
        assert check_rules(read_mof(node.mof), meta=False) == []
        assert check_rules(read_mof(node.meta_mof), meta=True) == []


@pytest.mark.parametrize("case", WITH_CREDENTIALS)
def test_our_passwords_are_sealed_and_open_to_the_real_ones(case: str) -> None:
    for real, ours in pairs(case):
        mine = passwords(ours)
        assert all(map(is_sealed, mine))
        if any(map(is_sealed, passwords(real))) and not shutil.which("openssl"):
            pytest.skip("no openssl on PATH")
        opened = [open_sealed(text, KEY.read_bytes()).reveal() for text in mine]
        assert opened == [opened_by_openssl(text) if is_sealed(text) else text for text in passwords(real)]


def passwords(data: bytes) -> list[str]:
    """The passwords of a document by user and place of use."""
    found: list[tuple[str, str]] = []
    for instance in read_mof(data).instances:
        for name, value in sorted(instance.properties.items()):
            for item in value if isinstance(value, tuple) else (value,):
                if not isinstance(item, (str, bool, int, float, type(None), tuple)) and item.is_a(
                    "MSFT_Credential"
                ):
                    found.append(
                        (
                            f"{instance.get('ResourceID')} {name} {item.get('UserName')}",
                            str(item.get("Password")),
                        )
                    )
    return [text for _, text in sorted(found, key=lambda each: each[0])]


def opened_by_openssl(text: str) -> str:
    """PowerShell 7 transports the key by PKCS#1 v1.5, which ``mimc.cms`` does not open."""
    message = b64decode("".join(text.split("\n")[1:-1]))
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-inkey", str(KEY)]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_real_compiler_refuses_is_refused_with_its_place(case: str) -> None:
    with pytest.raises(SpecError) as caught:
        compiled(case)
    assert f"{caught.value}\n" == Path(f"{case}.problems.txt").read_text("utf-8")


@pytest.mark.parametrize("case", WE_COMPILE)
def test_what_only_the_real_compiler_refuses_is_written(case: str) -> None:
    resource_id, name, value = WE_COMPILE[case]
    (node,) = compiled(case).nodes.values()
    (instance,) = (i for i in read_mof(node.mof).instances if i.get("ResourceID") == resource_id)
    assert instance.get(name) == value


def test_a_checksum_is_that_of_new_dscchecksum() -> None:
    folder = Path("checksum-file")
    assert (folder / "expected.mof.checksum").read_bytes() == sha256(
        (folder / "expected.mof").read_bytes()
    ).upper().encode()
    files = compiled("checksum-file").files
    assert files["checked.mof.checksum"] == sha256(files["checked.mof"]).upper().encode()
