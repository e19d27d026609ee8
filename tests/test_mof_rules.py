"""The rules that the LCM checks after reading, one by one and on the real documents."""

from pathlib import Path

import pytest

from mimc.compiler.mof_reader import MofError, read_mof
from mimc.compiler.mof_rules import check_rules

TESTS = Path(__file__).parent
DOCUMENT = 'instance of OMI_ConfigurationDocument { Version="2.0.0"; };\n'
META = 'instance of MSFT_DSCMetaConfiguration as $M { RefreshMode = "Push"; };\n'
ONE_META = "a meta document needs exactly one MSFT_DSCMetaConfiguration instance that no other names"

# What the judge refused among the documents that were compiled, as far as no schema is needed to see it.
BROKEN = {
    "inbox-version-lost-to-text/expected": ["line 8: MSFT_EnvironmentResource has no ModuleVersion"],
    "lcm-signature/expected.meta": ["line 8: MSFT_SignatureValidation is not named by the meta instance"],
    "text-names-the-document/expected": [
        "the document needs exactly one OMI_ConfigurationDocument instance and has 0"
    ],
}


def resource(name: str, needs: str = "NULL", **other: str) -> str:
    values = {"ResourceID": f'"[T]{name}"', "ModuleName": '"M"', "ModuleVersion": '"1.0"', "DependsOn": needs}
    return (
        f"instance of T {{ {' '.join(f'{key} = {value};' for key, value in (values | other).items())} }};\n"
    )


def faults(text: str, meta: bool | None = None) -> list[str]:
    return check_rules(read_mof(text), meta=meta)


def documents() -> list[Path]:
    return sorted([*(TESTS / "mof").glob("*.mof"), *(TESTS / "oracle").glob("*/expected*.mof")])


@pytest.mark.parametrize("path", documents(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_real_documents_break_no_rule_but_those_the_judge_named(path: Path) -> None:
    mof = read_mof(path.read_bytes())
    expected = BROKEN.get(f"{path.parent.name}/{path.stem}", [])
    assert check_rules(mof) == expected
    assert check_rules(mof, meta=path.stem.endswith(".meta")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (resource("a") + DOCUMENT, []),
        (resource("a", '{"[t]B"}') + resource("b") + DOCUMENT, []),
        (resource("a", "{}") + DOCUMENT, []),
        (DOCUMENT, ["the document has no resource"]),
        (resource("a"), ["the document needs exactly one OMI_ConfigurationDocument instance and has 0"]),
        (
            resource("a") + 2 * DOCUMENT,
            ["the document needs exactly one OMI_ConfigurationDocument instance and has 2"],
        ),
        (
            resource("a") + 'instance of omi_configurationdocument { Name = "x"; };',
            ["line 2: OMI_ConfigurationDocument has no Version"],
        ),
        (
            resource("a") + DOCUMENT.replace('"2.0.0"', "NULL"),
            ["line 2: OMI_ConfigurationDocument has no Version"],
        ),
        (
            resource("a") + DOCUMENT.replace("2.0.0", "2.0"),
            ["line 2: OMI_ConfigurationDocument has Version '2.0', which is not of the form 1.2.3"],
        ),
        (resource("a") + DOCUMENT.replace("2.0.0", "3.1.4"), []),
        (resource("a", ResourceID="NULL") + DOCUMENT, ["line 1: T has no ResourceID"]),
        (
            "instance of T { X = 1; };" + DOCUMENT,
            ["line 1: T has no ResourceID", "line 1: T has no ModuleName", "line 1: T has no ModuleVersion"],
        ),
        (resource("a", ModuleVersion="1.0") + DOCUMENT, ["line 1: T has no ModuleVersion"]),
        (
            resource("a") + resource("A") + DOCUMENT,
            ["line 2: ResourceID '[T]A' is already that of the resource in line 1"],
        ),
        (
            resource("a", '{"[T]b", "[T]c"}') + resource("b") + DOCUMENT,
            ["line 1: DependsOn names '[T]c', which is not in the document"],
        ),
        (
            resource("a", "{1}") + DOCUMENT,
            ["line 1: DependsOn names something that is no text, which is not in the document"],
        ),
        (resource("a", '"[T]a"') + DOCUMENT, ["line 1: DependsOn of T is not an array"]),
        (resource("a", '{"[T]A"}') + DOCUMENT, ["DependsOn goes in a circle: [T]a -> [T]a"]),
        (META + resource("a") + DOCUMENT, ["line 1: a node document cannot hold MSFT_DSCMetaConfiguration"]),
        (META + DOCUMENT, []),
        (
            META + DOCUMENT.replace("2.0.0", "2.0.1"),
            ["line 2: OMI_ConfigurationDocument has Version '2.0.1'; a meta document takes 1.0.0 or 2.0.0"],
        ),
        (META + DOCUMENT.replace("2.0.0", "1.0.0"), []),
        (
            META + META.replace("$M", "$N") + DOCUMENT,
            [f"{ONE_META}, and has 2"],
        ),
        (
            "instance of MSFT_WebDownloadManager { X = 1; };" + META + DOCUMENT,
            ["line 1: MSFT_WebDownloadManager is not named by the meta instance"],
        ),
        (
            "instance of MSFT_WebDownloadManager as $W { X = 1; };"
            + META.replace('"Push";', '"Pull"; ConfigurationDownloadManagers = {$W};')
            + DOCUMENT,
            [],
        ),
    ],
)
def test_a_broken_rule_is_named(text: str, expected: list[str]) -> None:
    assert faults(text) == expected


def test_a_longer_circle_is_shown_in_the_direction_of_the_dependencies() -> None:
    text = resource("a", '{"[T]b"}') + resource("b", '{"[T]c"}') + resource("c", '{"[t]A"}') + DOCUMENT
    (fault,) = faults(text)
    assert fault.startswith("DependsOn goes in a circle: ")
    assert fault.removeprefix("DependsOn goes in a circle: ") in (
        "[T]a -> [T]b -> [T]c -> [T]a",
        "[T]b -> [T]c -> [T]a -> [T]b",
        "[T]c -> [T]a -> [T]b -> [T]c",
    )


def test_a_long_chain_of_dependencies_is_no_circle() -> None:
    chain = "".join(resource(str(n), f'{{"[T]{n + 1}"}}') for n in range(3000))
    assert faults(chain + resource("3000") + DOCUMENT) == []


def test_what_the_document_is_given_as_can_be_said() -> None:
    assert faults(META + DOCUMENT, meta=False) == [
        "line 1: a node document cannot hold MSFT_DSCMetaConfiguration",
        "the document has no resource",
    ]
    assert faults(resource("a") + DOCUMENT, meta=True) == [
        f"{ONE_META}, and has 0",
        "line 1: T is not named by the meta instance",
    ]


def test_a_text_that_is_no_mof_never_reaches_the_rules() -> None:
    with pytest.raises(MofError):
        faults("instance of T { };")
