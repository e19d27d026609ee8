"""The ``resources`` of a spec as instances, and as the documents in tests/golden-resources."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.class_schema import ClassSchema
from mimc.compiler.declared import read_resources
from mimc.compiler.document import DateTime, Document, Embedded, Value
from mimc.compiler.load import Path as SpecPath
from mimc.compiler.load import load
from mimc.compiler.modules import FoundClass
from mimc.compiler.mof import InstanceTexts, write
from mimc.compiler.mof_reader import MofInstance, MofValue, read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.compiler.ps1 import Parameters, ScriptTexts
from mimc.compiler.ps1 import write as write_script
from mimc.errors import InputError, Position, SpecError
from mimc.secret import Credential, SecretReference

from .declared_resources import CATALOGUE, declarations, document, files, sealed

CASES = sorted((Path(__file__).parent / "golden-resources").iterdir())
HERE = Position("spec.yaml", 1, 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_resources_make_the_golden_documents(case: Path) -> None:
    made = files(document((case / "spec.yaml").read_bytes()))
    assert set(made) == {file.name for file in case.glob("expected.*")}
    for name, text in made.items():
        assert text == (case / name).read_bytes().decode("utf-8"), name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_document_reads_back_as_what_the_model_says_and_keeps_the_rules_of_the_lcm(case: Path) -> None:
    made = document((case / "spec.yaml").read_bytes())
    mof = read_mof(write(made, "hash", sealed))
    assert check_rules(mof, meta=False) == []
    resources = [each for each in mof.top_level if each.get("ResourceID")]
    assert [each.get("ResourceID") for each in resources] == [each.resource_id for each in made.instances]
    for read, meant in zip(resources, made.instances, strict=True):
        assert read.class_name == meant.class_name
        values = {name: said(value) for name, value in meant.values.items()}
        if meant.depends_on:
            values["DependsOn"] = meant.depends_on
        assert {name: meaning(read.get(name)) for name in values} == values
        common = {"ResourceID", "ModuleName", "ModuleVersion", "SourceInfo", "ConfigurationName"}
        assert read.properties.keys() == values.keys() | common


def said(value: Value) -> object:
    match value:
        case tuple():
            return tuple(said(item) for item in value)
        case Embedded():
            return value.class_name, {name: said(each) for name, each in value.values.items()}
        case Credential():
            return "MSFT_Credential", {"UserName": value.user, "Password": sealed(value)}
        case DateTime():
            return value.text
        case _:
            return value


def meaning(value: MofValue) -> object:
    match value:
        case tuple():
            return tuple(meaning(item) for item in value)
        case MofInstance():
            return value.class_name, {name: meaning(each) for name, each in value.properties.items()}
        case _:
            return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_text_of_a_shared_instance_is_reused_with_the_aliases_of_each_document(case: Path) -> None:
    made = document((case / "spec.yaml").read_bytes())
    texts = InstanceTexts()
    later = Document(made.configuration, "node2", made.instances[::-1])
    for each in (made, later, made):
        assert write(each, "hash", sealed, texts) == write(each, "hash", sealed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_text_of_a_shared_instance_is_reused_in_scripts(case: Path) -> None:
    made = document((case / "spec.yaml").read_bytes())
    texts = ScriptTexts()
    later = Document(made.configuration, "node2", made.instances[::-1])
    for documents in ([made], [later], [made, later]):
        assert write_script(documents, [], texts) == write_script(documents, [])


def test_a_remembered_text_is_never_that_of_another_instance() -> None:
    texts = InstanceTexts()
    for at in range(50):
        # Without a memory of its own the next instance would have the id of the one before.
        made = document(f"resources: [Simple: {{id: a, Id: '{at}'}}]")
        assert f'Id = "{at}"' in write(made, "hash", sealed, texts).decode("utf-16")


def test_a_sealed_password_is_that_of_each_document() -> None:
    made = document("resources: [Nest: {id: a, Id: a, Login: {user: u, password: {secret: {env: P}}}}]")
    texts = InstanceTexts()
    for key in ("one", "two"):
        data = write(made, "hash", partial(_constant, key), texts)
        assert f'Password = "{key}"' in data.decode("utf-16")


def _constant(text: str, credential: Credential) -> str:
    return text


def test_aliases_of_classes_whose_names_end_in_digits_do_not_meet() -> None:
    """``$X11ref`` is the 11th of X and the first of X1."""
    items = tuple(Embedded("X", {"N": at}) for at in range(11))
    (instance,) = document("resources: [NoKey: {id: a}]").instances
    values: dict[str, Value] = {
        "Many": items,
        "One": Embedded("X1", {"N": 1}),
        "Other": Embedded("x", {"N": 2}),
    }
    other = type(instance)("C", "C", "a", "M", "1", values, HERE)
    (read,) = (i for i in read_mof(write(Document("C", "n", (other,)), "h", sealed)).top_level if i.is_a("C"))
    assert meaning(read.get("Many")) == tuple(("X", {"N": at}) for at in range(11))
    assert meaning(read.get("One")) == ("X1", {"N": 1})


def test_instances_know_their_module_and_their_line() -> None:
    loaded = load(
        b"resources:\n  - Service: {id: a, Name: a}\n  -\n    '[Simple]b':\n      Id: b\n", "spec.yaml"
    )
    first, second = (each.instance for each in declarations(loaded))
    assert (first.class_name, first.module_name, first.module_version) == (
        "MSFT_ServiceResource",
        "PSDesiredStateConfiguration",
        "1.0",
    )
    assert str(first.position) == "spec.yaml:2:5"
    assert (second.resource_id, second.module_name, second.module_version) == (
        "[Simple]b",
        "CimTypesDsc",
        "2.5.0.1",
    )
    assert str(second.position) == "spec.yaml:4:5"


def test_the_type_takes_the_case_of_the_schema_and_the_id_stays_as_it_is() -> None:
    (instance,) = document("resources: [SERVICE: {id: sPooler, name: sPooler}]").instances
    assert instance.resource_id == "[Service]sPooler"
    assert list(instance.values) == ["Name"]


def test_a_key_is_known_only_when_all_of_it_is_sound() -> None:
    loaded = load(b"resources: [TwoKeys: {id: a, Left: 5, Right: x, Must: y}]", "spec.yaml")
    (made,), problems = read_resources(
        loaded.data["resources"], ("resources",), loaded.position, CATALOGUE, lambda raw, path: none(raw)
    )
    assert len(problems) == 1
    assert made.key == ()


def none(raw: Any) -> SecretReference:
    raise AssertionError(raw)


def test_what_depends_on_a_faulty_resource_is_not_called_wrong_for_that() -> None:
    text = "resources: [Simpel: {id: a}, Simple: {id: b, Id: b, dependsOn: '[Simpel]a'}]"
    text = (
        text.replace("resources: [", "resources:\n- ").replace(", Simple:", "\n- Simple:").removesuffix("]")
    )
    with pytest.raises(SpecError) as caught:
        document(text)
    assert [problem.text for problem in caught.value.problems] == [
        "[Simpel]a: no resource Simpel; did you mean Simple?"
    ]


class _Broken:
    fingerprint = ""

    def find(self, resource_type: str, module: str, version: str) -> FoundClass | str:
        raise InputError("modules/X/X.psd1: cannot read the file: no")


class _OwnId:
    """A catalogue whose one class has properties called like keys of a body."""

    fingerprint = ""

    def find(self, resource_type: str, module: str, version: str) -> FoundClass | str:
        schema = CATALOGUE.find("Simple", "", "")
        assert isinstance(schema, FoundClass)
        named = {name: schema.schema.properties[same] for name, same in (("id", "Id"), ("Module", "Text"))}
        properties = {name: type(item)(name, item.type, item.qualifier) for name, item in named.items()}
        return FoundClass(ClassSchema("T_Own", "Own", properties), "M", "1", {})


def test_properties_called_like_a_key_of_a_body_are_written_with_another_case() -> None:
    items = [{"Own": {"id": "a", "ID": "property", "Module": "x"}}]
    (made,), problems = read_resources(
        items, (), lambda path, key=False: HERE, _OwnId(), lambda raw, path: none(raw)
    )
    assert problems == []
    assert made.instance.id == "a"
    assert made.instance.values == {"id": "property", "Module": "x"}


def test_a_schema_that_cannot_be_read_is_a_problem_of_the_resource() -> None:
    items = [{"X": {"id": "a"}}]
    _, problems = read_resources(
        items, (), lambda path, key=False: HERE, _Broken(), lambda raw, path: none(raw)
    )
    assert [str(each) for each in problems] == [
        "spec.yaml:1:1: [X]a: modules/X/X.psd1: cannot read the file: no"
    ]


def test_a_reference_is_read_with_its_path_in_the_spec() -> None:
    paths: list[SpecPath] = []

    def reference(raw: Any, path: SpecPath) -> SecretReference:
        paths.append(path)
        return SecretReference("env", "X", HERE)

    login = {"user": "u", "password": {"secret": {"env": "X"}}}
    items = [{"Nest": {"id": "a", "Id": "a", "Logins": [login], "Tree": {"Login": login}, "runAs": login}}]
    _, problems = read_resources(items, ("r",), lambda path, key=False: HERE, CATALOGUE, reference)
    assert problems == []
    assert paths == [
        ("r", 0, "Nest", "Logins", 0, "password"),
        ("r", 0, "Nest", "Tree", "Login", "password"),
        ("r", 0, "Nest", "runAs", "password"),
    ]


KEYS = st.sampled_from(
    ["id", "Id", "Text", "dependsOn", "runAs", "module", "moduleVersion", "Login", "One", "Pairs"]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("[Simple]a"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.just("user") | st.just("password"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
TYPES = st.sampled_from(
    ["Simple", "Nest", "AllTypes", "[Simple]a", "[Nest]b", "[x", "[]", "", "Nowhere", "TwoKeys"]
)


@given(
    st.one_of(ANY, st.lists(st.dictionaries(TYPES, ANY | st.dictionaries(KEYS, ANY), max_size=2), max_size=3))
)
def test_nothing_in_the_place_of_resources_ends_in_a_traceback(items: object) -> None:
    def reference(raw: Any, path: SpecPath) -> SecretReference:
        raise SpecError([])

    made, problems = read_resources(items, (), lambda path, key=False: HERE, CATALOGUE, reference)
    assert problems or isinstance(items, list)
    for problem in problems:
        assert not re.search("Traceback|object at 0x", problem.text)
    assert len(made) <= (len(items) if isinstance(items, list) else 0)


def test_parameters_of_credentials_are_told_apart_without_case() -> None:
    one, other, third = (Credential(user, SecretReference("env", "X", HERE)) for user in "abc")
    parameters = Parameters()
    names = [
        parameters.name(*use)
        for use in [("aLogin", one), ("ALOGIN", other), ("Alogin_2", third), ("alogin", one)]
    ]
    assert names == ["aLogin", "ALOGIN_2", "Alogin_2_2", "aLogin"]
    assert parameters.credentials() == {"aLogin": one, "ALOGIN_2": other, "Alogin_2_2": third}
