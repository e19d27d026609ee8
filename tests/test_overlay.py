"""Layers of a spec: the merge rule, variables, and that every value keeps its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.load import Loaded, load
from mimc.compiler.overlay import Variables, identity, merge, uses_variables
from mimc.compiler.spec import Spec, read_spec
from mimc.errors import SpecError


def loaded(text: str, file: str = "over.yaml") -> Loaded:
    return load(text.encode(), file)


def merged(base: str, over: str) -> Loaded:
    return merge(loaded(base, "base.yaml"), loaded(over))


@pytest.mark.parametrize(
    ("base", "over", "result"),
    [
        ("a: 1", "b: 2", {"a": 1, "b": 2}),
        ("a: {x: 1, y: 2}", "a: {y: 3}", {"a": {"x": 1, "y": 3}}),
        ("a: [1, 2]", "a: [3]", {"a": [3]}),
        ("a: {x: 1}", "a: text", {"a": "text"}),
        ("a: text", "a: {x: 1}", {"a": {"x": 1}}),
        ("a: {x: 1, y: 2}", "a: {x: null}", {"a": {"y": 2}}),
        ("a: {x: 1}", "a: {$var: v}", {"a": {"$var": "v"}}),
        (
            "resources: [File: {id: A, x: 1, y: 2}]",
            "resources: ['[file]a': {y: 3}, File: {id: B, x: 4}]",
            {"resources": [{"File": {"id": "A", "x": 1, "y": 3}}, {"File": {"id": "B", "x": 4}}]},
        ),
        ("resources: [File: {id: A}]", "resources: [5]", {"resources": [{"File": {"id": "A"}}, 5]}),
        ("other: [File: {id: A}]", "other: [File: {id: B}]", {"other": [{"File": {"id": "B"}}]}),
    ],
)
def test_one_layer_goes_over_another_by_the_merge_rule(base: str, over: str, result: object) -> None:
    assert merged(base, over).data == result


def test_every_value_keeps_its_file_and_line() -> None:
    whole = merged(
        "a:\n  x: 1\n  y: 2\nresources:\n- File:\n    id: A\n    x: 1\n",
        "a:\n\n  y: 3\nresources:\n- File: {id: A, y: 2}\n",
    )
    places = {
        ("a", "x"): "base.yaml:2:6",
        ("a", "y"): "over.yaml:3:6",
        ("resources", 0, "File", "x"): "base.yaml:7:8",
        ("resources", 0, "File", "y"): "over.yaml:5:20",
    }
    assert {path: str(whole.position(path)) for path in places} == places


def test_neither_layer_is_changed() -> None:
    base, over = (
        loaded("a: {x: 1}\nresources: [F: {id: A}]"),
        loaded("a: {x: 2}\nresources: [F: {id: A, y: 1}]"),
    )
    merge(base, over)
    assert base.data == {"a": {"x": 1}, "resources": [{"F": {"id": "A"}}]}
    assert over.data == {"a": {"x": 2}, "resources": [{"F": {"id": "A", "y": 1}}]}


VALUES = st.recursive(
    st.integers() | st.text("xyz", max_size=3) | st.booleans(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
BLOCKS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def as_loaded(data: Any) -> Loaded:

    return load(json.dumps(data).encode(), "x.yaml")


@given(BLOCKS, BLOCKS)
def test_what_the_upper_layer_says_holds(a: Any, b: Any) -> None:
    whole = merge(as_loaded(a), as_loaded(b)).data
    assert merge(as_loaded(whole), as_loaded(b)).data == whole
    assert set(whole) == set(a) | set(b)
    assert all(whole[key] == value for key, value in b.items() if not isinstance(value, dict))


@given(BLOCKS)
def test_a_layer_over_itself_is_itself(a: Any) -> None:
    assert merge(as_loaded(a), as_loaded(a)).data == a


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"File": {"id": "A"}}, "[file]a"),
        ({"[File]A": {}}, "[file]a"),
        ({"File": {}}, ""),
        ({"File": {"id": 5}}, ""),
        ({"File": None}, ""),
        ({"A": {}, "B": {}}, ""),
        ("File", ""),
    ],
)
def test_a_resource_is_known_by_its_id(item: object, name: str) -> None:
    assert identity(item) == name


def test_a_variable_stands_for_its_value_and_texts_are_put_together() -> None:
    tree = loaded("a: {$var: site}\nb: [{$join: ['C:\\', {$var: site}, 5]}]\nc: '${site} {$var: site}'")
    assert uses_variables(tree.data)
    resolved, problems = Variables({"site": "Main"}).resolve(tree)
    assert problems == []
    assert resolved.data == {"a": "Main", "b": ["C:\\Main5"], "c": "${site} {$var: site}"}
    assert not uses_variables(resolved.data)


LAYERS = """\
apiVersion: mimc/v1
name: Layers
variables: {site: Default}
groups:
  production: {variables: {site: Production}, syncService: {database: {server: prodsql}}}
  quiet: {syncService: {firewall: false}}
targets:
  plain: {host: plain.lab}
  grouped: {host: grouped.lab, groups: [production, quiet]}
  own: {host: own.lab, groups: [production], variables: {site: Own}, syncService: {database: {server: ownsql}}}
syncService:
  source: {$join: ['D:\\', {$var: site}, '\\', {$var: target}]}
  acceptLicense: true
  managedServiceAccount: LAB\\gmsa$
  database: {server: basesql, name: Base}
"""


def service(spec: Spec, target: str) -> dict[str, object]:
    found = spec.node(spec.targets[target]).service
    assert found
    return dict(found.values)


def test_groups_go_over_the_spec_in_order_and_the_target_goes_over_them() -> None:
    spec = read_spec(LAYERS.encode(), "spec.yaml")
    values = {name: service(spec, name) for name in spec.targets}
    assert {n: v["SqlServer"] for n, v in values.items()} == {
        "plain": "basesql",
        "grouped": "prodsql",
        "own": "ownsql",
    }
    assert {n: v["DatabaseName"] for n, v in values.items()} == dict.fromkeys(spec.targets, "Base")
    assert values["grouped"]["EnableRpcFirewallRules"] is False
    assert "EnableRpcFirewallRules" not in values["own"]
    assert {n: v["SourcePath"] for n, v in values.items()} == {
        "plain": "D:\\Default\\plain",
        "grouped": "D:\\Production\\grouped",
        "own": "D:\\Own\\own",
    }


def test_nodes_that_share_every_layer_share_the_result() -> None:
    text = LAYERS.replace("{$join: ['D:\\', {$var: site}, '\\', {$var: target}]}", "D:\\")
    spec = read_spec(
        text.replace("  own:", "  twin: {host: twin.lab, groups: [production, quiet]}\n  own:").encode(),
        "s.yaml",
    )
    nodes = {name: spec.node(target) for name, target in spec.targets.items()}
    assert nodes["grouped"] is nodes["twin"]
    assert nodes["grouped"] is not nodes["plain"]


def test_what_is_shared_is_checked_against_every_node() -> None:
    text = LAYERS.replace("{$join: ['D:\\', {$var: site}, '\\', {$var: target}]}", "D:\\")
    text = text.replace(
        "managedServiceAccount: LAB\\gmsa$",
        "serviceAccount: {user: grouped\\x, password: {secret: {env: P}}}",
    )
    text = text.replace(
        "  plain: {host: plain.lab}", "  plain: {host: plain.lab, groups: [production, quiet]}"
    )
    spec = read_spec(text.encode(), "spec.yaml")
    spec.node(spec.targets["plain"])
    with pytest.raises(SpecError, match="a local account cannot reach"):
        spec.node(spec.targets["grouped"])


def test_a_spec_lies_over_its_bases() -> None:
    files = {
        "lab/base.yaml": b"base: root.yaml\nvariables: {site: Base}\nsyncService: {firewall: true}\n",
        "lab/root.yaml": LAYERS.encode(),
    }
    spec = read_spec(
        b"base: base.yaml\nname: Top\nsyncService: {database: {name: Top}}\n",
        "lab/spec.yaml",
        files.__getitem__,
    )
    values = service(spec, "plain")
    assert spec.name == "Top"
    assert (values["DatabaseName"], values["SqlServer"], values["EnableRpcFirewallRules"]) == (
        "Top",
        "basesql",
        True,
    )
    assert values["SourcePath"] == "D:\\Base\\plain"
    node = spec.node(spec.targets["plain"]).service
    assert node
    assert str(node.origins["DatabaseName"].position) == "lab/spec.yaml:3:32"
    assert str(node.origins["SqlServer"].position).startswith("lab/root.yaml:15:")
