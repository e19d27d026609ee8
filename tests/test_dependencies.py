"""What the instances of one document have to keep among each other."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.dependencies import Declaration, check_document
from mimc.compiler.document import Instance
from mimc.errors import Position


def declared(
    at: int,
    name: str,
    needs: Iterable[str] = (),
    key: tuple[tuple[str, object], ...] = (),
    kind: str = "Simple",
) -> Declaration:
    """A resource in line *at*, whose dependencies stand in the columns from 10 on."""
    needs = tuple(needs)
    instance = Instance(f"T_{kind}", kind, name, "M", "1.0", {}, Position("s", at, 1), needs)
    return Declaration(instance, key, tuple(Position("s", at, 10 + k) for k in range(len(needs))))


def problems(*declarations: Declaration) -> list[str]:
    return [str(problem) for problem in check_document(declarations)]


def test_forward_and_repeated_and_shared_dependencies_are_taken() -> None:
    a, b, c = "[Simple]a", "[SIMPLE]B", "[Simple]c"
    assert problems(declared(1, "a", [b, c]), declared(2, "b", [c, c]), declared(3, "c")) == []
    assert problems(declared(1, "x", [a]), declared(2, "a")) == []
    assert problems() == []


def test_two_of_one_id_are_refused_with_both_places() -> None:
    assert problems(declared(1, "a"), declared(2, "A"), declared(3, "a", kind="Other")) == [
        "s:2:1: [Simple]A: there is one of this id at s:1:1 already"
    ]


def test_two_of_one_key_are_refused_with_both_ids() -> None:
    key = (("Left", "x"), ("Port", 5), ("Flag", True))
    same = (("Left", "X"), ("Port", 5), ("Flag", True))
    assert problems(declared(1, "a", key=key), declared(2, "b", key=same)) == [
        "s:2:1: [Simple]b is about the same thing as [Simple]a at s:1:1: "
        + "both have the key Left 'X', Port 5, Flag true, and a node takes each key once"
    ]


@pytest.mark.parametrize("other", [(("L", "y"), ("P", 5)), (("L", "x"), ("P", 6)), ()])
def test_other_keys_are_other_things(other: tuple[tuple[str, object], ...]) -> None:
    assert problems(declared(1, "a", key=(("L", "x"), ("P", 5))), declared(2, "b", key=other)) == []


def test_the_same_key_of_another_class_is_another_thing_and_no_key_is_never_the_same() -> None:
    key = (("L", "x"),)
    assert problems(declared(1, "a", key=key), declared(2, "b", key=key, kind="Other")) == []
    assert problems(declared(1, "a"), declared(2, "b")) == []


def test_one_of_an_id_that_is_there_already_is_not_named_for_its_key_as_well() -> None:
    key = (("L", "x"),)
    assert len(problems(declared(1, "a", key=key), declared(2, "a", key=key))) == 1


def test_an_unknown_dependency_is_named_with_what_may_have_been_meant() -> None:
    assert problems(
        declared(1, "Spooler", kind="Service"), declared(2, "b", ["[Servce]Spooler", "[Zzz]qqqqqq"])
    ) == [
        "s:2:10: [Simple]b: dependsOn names [Servce]Spooler, which is not there; did you mean [Service]Spooler?",
        "s:2:11: [Simple]b: dependsOn names [Zzz]qqqqqq, which is not there",
    ]


def test_nothing_depends_on_itself() -> None:
    assert problems(declared(1, "a", ["[simple]A"])) == ["s:1:10: [Simple]a: it cannot depend on itself"]


def test_a_circle_is_named_with_its_whole_path_from_the_first_that_is_declared() -> None:
    made = [declared(1, "start", ["[Simple]c"]), declared(2, "b", ["[Simple]x", "[Simple]c"]),
            declared(3, "c", ["[Simple]d"]), declared(4, "d", ["[SIMPLE]b"]), declared(5, "x")]  # fmt: skip
    assert problems(*made) == [
        "s:2:11: dependsOn goes in a circle: [Simple]b -> [Simple]c -> [Simple]d -> [Simple]b"
    ]


def test_every_circle_is_named() -> None:
    made = [declared(1, "a", ["[Simple]b"]), declared(2, "b", ["[Simple]a"]),
            declared(3, "c", ["[Simple]d", "[Simple]a"]), declared(4, "d", ["[Simple]c"])]  # fmt: skip
    assert problems(*made) == [
        "s:1:10: dependsOn goes in a circle: [Simple]a -> [Simple]b -> [Simple]a",
        "s:3:10: dependsOn goes in a circle: [Simple]c -> [Simple]d -> [Simple]c",
    ]


def test_of_circles_with_a_common_member_the_first_is_named() -> None:
    made = [declared(1, "a", ["[Simple]b", "[Simple]c"]), declared(2, "b", ["[Simple]a"]),
            declared(3, "c", ["[Simple]a"])]  # fmt: skip
    assert problems(*made) == ["s:1:10: dependsOn goes in a circle: [Simple]a -> [Simple]b -> [Simple]a"]


def test_a_long_chain_is_no_circle_and_takes_no_time() -> None:
    chain = [declared(at, str(at), [f"[Simple]{at + 1}"]) for at in range(5000)]
    assert problems(*chain, declared(5000, "5000")) == []


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_a_circle_is_found_exactly_when_there_is_one(edges: list[tuple[int, int]]) -> None:
    edges = [(one, other) for one, other in edges if one != other]
    found = problems(*(declared(n, str(n), [f"[Simple]{b}" for a, b in edges if a == n]) for n in range(8)))
    reach = {n: {b for a, b in edges if a == n} for n in range(8)}
    for _ in range(8):
        reach = {n: seen.union(*(reach[m] for m in seen)) if seen else seen for n, seen in reach.items()}
    assert bool(found) is any(n in seen for n, seen in reach.items())
    for text in found:
        path = text.partition("circle: ")[2].replace("[Simple]", "").split(" -> ")
        steps = pairwise(path)
        assert path[0] == path[-1] == min(path)
        assert all((int(a), int(b)) in edges for a, b in steps)
