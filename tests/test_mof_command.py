"""``mimc mof`` and ``mimc import`` on the command line."""

import json
from pathlib import Path

import pytest
import yaml

from .conftest import CONTOSO, Mimc

TESTS = Path(__file__).parent
ORACLE = TESTS / "oracle"


def expected(case: str, name: str = "expected.mof") -> str:
    return str(ORACLE / case / name)


def test_show_nests_embedded_instances_and_masks_passwords(mimc: Mimc) -> None:
    shown = mimc("mof", "show", expected("credential-plain"))
    assert shown.code == 0
    login, again, document = yaml.safe_load(shown.out)
    masked = {"MSFT_Credential": {"Password": "********", "UserName": "CONTOSO\\svc-sync"}}
    assert login["T_Nest"]["Tree"] == {"T_Branch": {"Label": "x", "Login": masked}}
    assert login["T_Nest"]["Logins"] == [masked, masked]
    assert again["T_Nest"]["Id"] == "again"
    assert document["OMI_ConfigurationDocument"]["Name"] == "CredentialPlain"
    assert "P@ss" not in shown.out


def test_show_says_of_a_sealed_password_that_it_is_sealed(mimc: Mimc) -> None:
    shown = mimc("mof", "show", expected("credential-encrypted"))
    assert "Password: <sealed>" in shown.out
    assert "BEGIN CMS" not in shown.out


@pytest.mark.parametrize("path", sorted((TESTS / "mof").glob("*.mof")), ids=lambda path: path.stem)
def test_show_shows_every_real_document_in_both_forms(path: Path, mimc: Mimc) -> None:
    text, machine = mimc("mof", "show", str(path)), mimc("mof", "show", str(path), "--output", "json")
    assert (text.code, machine.code, text.err, machine.err) == (0, 0, "", "")
    instances = json.loads(machine.out)["instances"]
    shown = yaml.safe_load(text.out)
    assert [list(item) for item in shown] == [[instance["class"]] for instance in instances]
    for item, instance in zip(shown, instances, strict=True):
        assert list(item[instance["class"]]) == [each["name"] for each in instance["properties"]]


def test_show_for_machines_has_class_alias_line_and_types(mimc: Mimc) -> None:
    shown = json.loads(mimc("mof", "show", expected("scalar-all-types"), "--output", "json").out)
    assert shown["formatVersion"] == "1.0"
    resource, document = shown["instances"]
    assert (resource["class"], resource["alias"], resource["line"]) == ("T_AllTypes", "T_AllTypes1ref", 8)
    assert (document["class"], document["alias"]) == ("OMI_ConfigurationDocument", None)
    found = {each["name"]: (each["type"], each["value"]) for each in resource["properties"]}
    assert found["PU64"] == ("integer", 18446744073709551615)
    assert found["PBool"] == ("boolean", True)
    assert found["PR64"] == ("real", -2.25)
    assert found["PChar"] == ("char16", "c")
    assert found["PStr"] == ("string", "text")
    nest = json.loads(mimc("mof", "show", expected("embedded-null"), "--output", "json").out)["instances"][0]
    assert {"name": "One", "type": "null", "value": None} in nest["properties"]
    whole = mimc("mof", "show", expected("convert-to-real"), "--output", "json").out
    assert '"inf"' in whole and "Infinity" not in whole


def test_two_documents_of_one_meaning_are_the_same(mimc: Mimc) -> None:
    first, second = expected("string-unicode"), "other.mof"
    Path(second).write_bytes(
        b"\xff\xfe" + Path(first).read_text("utf-8").replace("12/", "11/").encode("utf-16-le")
    )
    done = mimc("mof", "diff", first, second)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{first} and {second} mean the same\n"


def test_a_difference_is_told_by_instance_and_property(mimc: Mimc) -> None:
    first, second = (
        expected("runas-other-node", "expected-first.mof"),
        expected("runas-other-node", "expected-second.mof"),
    )
    done = mimc("mof", "diff", first, second)
    assert done.code == 2
    assert done.out == (
        f"--- {first}\n+++ {second}\n[Simple]A\n  the whole instance: T_Simple -> nothing\n"
        'OMI_ConfigurationDocument\n  MinimumCompatibleVersion: "2.0.0" -> "1.0.0"\n'
    )
    machine = json.loads(mimc("mof", "diff", first, second, "--output", "json").out)
    assert machine["differences"][0] == {
        "instance": "[Simple]A", "property": "", "left": "T_Simple", "right": "nothing"
    }  # fmt: skip


def test_all_compares_what_means_nothing_too(mimc: Mimc) -> None:
    first, second = "first.mof", "second.mof"
    for file, author in ((first, "a"), (second, "b")):
        text = f'instance of OMI_ConfigurationDocument {{ Version = "2.0.0"; Author = "{author}"; }};'
        Path(file).write_text(text, "utf-8")
    assert mimc("mof", "diff", first, second).code == 0
    done = mimc("mof", "diff", first, second, "--all")
    assert done.code == 2
    assert 'Author: "a" -> "b"' in done.out


def test_what_a_terminal_obeys_is_not_written_to_it(mimc: Mimc) -> None:
    Path("a.mof").write_text('instance of T { ResourceID = "[T]\x1b[31m"; V = "\x1b[2J"; };', "utf-8")
    Path("b.mof").write_text('instance of T { ResourceID = "[T]b"; };', "utf-8")
    assert "\x1b" not in mimc("mof", "diff", "a.mof", "b.mof").out
    assert "\x1b" not in mimc("mof", "show", "a.mof").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mof", "show", CONTOSO), f"{CONTOSO}:1:1: not a MOF document: "),
        (("mof", "show", "nowhere.mof"), "nowhere.mof: cannot read the file: "),
        (("mof", "show", "examples"), "examples: cannot read the file: "),
        (("mof", "show", "bomb.mof"), "bomb.mof: line 1: aliases are used so often"),
        (("mof", "diff", expected("char16"), CONTOSO), f"{CONTOSO}:1:1: not a MOF document: "),
        (("import", CONTOSO), f"{CONTOSO}:1:1: not a MOF document: "),
        (("import", expected("lcm-push", "expected.meta.mof")), "name the node's own first"),
        (("import", expected("char16"), expected("char16")), "the second document is not that of an LCM"),
        (("import", "empty.mof"), "empty.mof: the document has no resource"),
        (
            ("import", expected("char16"), "-o", CONTOSO),
            f"{CONTOSO}: is there already; --force overwrites it",
        ),
        (("import", expected("char16"), "-o", "no/folder/spec.yaml"), "cannot write the spec: "),
    ],
    ids=lambda value: " ".join(Path(word).name for word in value)[:40] if isinstance(value, tuple) else "",
)
def test_bad_input_ends_in_one_sentence(arguments: tuple[str, ...], message: str, mimc: Mimc) -> None:
    links = "".join(f"instance of P as $P{n} {{ A = $P{n - 1}; B = $P{n - 1}; }};" for n in range(1, 40))
    Path("bomb.mof").write_text("instance of P as $P0 { V = 1; };" + links, "utf-8")
    Path("empty.mof").write_text('instance of OMI_ConfigurationDocument { Version = "2.0.0"; };', "utf-8")
    done = mimc(*arguments)
    assert done.code == 3
    assert message in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [("mof",), ("mof", "show"), ("mof", "show", "a", "b"), ("mof", "diff", "a"), ("mof", "show", "a", "--all"), ("mof", "x", "a")],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...], mimc: Mimc) -> None:
    assert mimc(*arguments).code == 64
