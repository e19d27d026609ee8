"""What pypsrp sends and gets through the lab's endpoint: values, pipelines, errors."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.serializer import TaggedValue

from mimc.lab.engine import ScriptFailed, UnknownScript

from .wire_lab import (
    NO_SHELL,
    TIMED_OUT,
    Files,
    Lab,
    Parameters,
    fault_of,
    issue,
    run,
    sha256,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def lab(files: Files) -> Iterator[Lab]:
    lab = Lab(files)
    with lab.endpoint:
        yield lab


# ---- values


@pytest.mark.parametrize(
    "value",
    [
        "",
        'it\'s "quoted" $(Stop-Computer) `n $env:X',
        "two\nlines\r\nand\ta tab",
        "emoji \N{GRINNING FACE}, umlaut ü, nul \0, escape \x1b",
        "_x0041_ and _x000a_",
        True,
        False,
        0,
        -(2**31),
        2**31 - 1,
        b"",
        bytes(range(256)) * 1200,
        ["a", "b's", ""],
        [],
        [1, True, None, ["nested"]],
        {"key": "value", "list": ["x"]},
        None,
    ],
    ids=lambda value: f"{type(value).__name__}-{len(repr(value))}",
)
def test_a_parameter_arrives_as_it_was_sent(lab: Lab, value: object) -> None:
    with lab.pool() as pool:
        assert run(pool, "param($Value)", Value=value).output == ["ok"]
    [(text, parameters)] = lab.asked
    assert text == "param($Value)"
    assert parameters == {"Value": value}
    assert type(parameters["Value"]) is type(value)


def test_the_answer_arrives_as_it_was_given(lab: Lab) -> None:
    text = json.dumps({"quote": "'\"$(x)", "lines": "a\nb"}) + "\N{GRINNING FACE} _x0041_ \0 ü \x1b"
    lab.answer = lambda *_: text
    with lab.pool() as pool:
        ps = run(pool, "'x'")
    assert ps.output == [text]
    assert not ps.had_errors
    assert not ps.streams.error


def test_a_script_arrives_as_it_was_sent(lab: Lab) -> None:
    text = "param($A)\r\n'it''s' # \N{GRINNING FACE} _x0041_\n"
    with lab.pool() as pool:
        run(pool, text)
    assert lab.asked == [(text, {})]
    assert lab.endpoint.service.recorder.scripts() == (sha256(text),)


def test_a_megabyte_arrives_whole(lab: Lab) -> None:
    text = "0123456789abcdef" * 65536
    lab.answer = lambda *_: text
    with lab.pool() as pool:
        assert run(pool, "'x'").output == [text]


# ---- pipelines and pools


def test_a_pool_runs_several_pipelines(lab: Lab) -> None:
    lab.answer = lambda text, parameters: f"{text} {parameters['N']}"
    with lab.pool() as pool:
        outputs = [run(pool, f"script {n % 2}", N=n).output for n in range(6)]
    assert outputs == [[f"script {n % 2} {n}"] for n in range(6)]


def test_two_pools_run_at_the_same_time(lab: Lab) -> None:
    together = threading.Barrier(2, timeout=10)

    def answer(text: str, parameters: Parameters) -> str:
        together.wait()
        return text

    def session(text: str) -> list[str]:
        with lab.pool() as pool:
            return list(run(pool, text).output)

    lab.answer = answer
    with ThreadPoolExecutor() as executor:
        assert list(executor.map(session, ["first", "second"])) == [["first"], ["second"]]


def test_twenty_clients_are_served(lab: Lab) -> None:
    lab.answer = lambda text, parameters: str(parameters["N"])

    def session(number: int) -> list[str]:
        with lab.pool() as pool:
            return [run(pool, "param($N)", N=number * 10 + n).output[0] for n in range(3)]

    with ThreadPoolExecutor(20) as executor:
        results = list(executor.map(session, range(20)))
    assert results == [[str(number * 10 + n) for n in range(3)] for number in range(20)]


def test_an_answer_slower_than_the_operation_timeout_is_polled_for(lab: Lab) -> None:
    def answer(text: str, parameters: Parameters) -> str:
        time.sleep(1.5)
        return "late"

    lab.answer = answer
    with lab.pool(operation_timeout=1) as pool:
        assert run(pool, "'x'").output == ["late"]
    assert lab.operations().count("Receive") >= 4


def test_a_stopped_pipeline_leaves_a_usable_pool(lab: Lab) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer(text: str, parameters: Parameters) -> str:
        asked.set()
        assert go_on.wait(10)
        return "too late"

    lab.answer = answer
    with lab.pool() as pool:
        with PowerShell(pool) as ps:
            ps.add_script("'slow'")
            ps.begin_invoke()
            assert asked.wait(10)
            ps.stop()
            state, _, stopped = pool.shell.receive("stdout", command_id=ps.id)
            assert state.endswith("Done")
            assert b"PipelineStopped" in stopped["stdout"]
        go_on.set()
        lab.answer = lambda *_: "quick"
        assert ps.output == []
        assert run(pool, "'quick'").output == ["quick"]


def test_a_pool_that_is_closed_is_gone(lab: Lab) -> None:
    with lab.wsman() as wsman:
        pool = RunspacePool(wsman)
        pool.open()
        assert pool.is_alive()
        pool.shell.close()
        assert fault_of(run, pool, "'x'") == NO_SHELL
    assert lab.asked == []


def test_a_finished_pipeline_has_no_more_to_receive(lab: Lab) -> None:
    with lab.pool() as pool:
        ps = PowerShell(pool)
        ps.add_script("'x'")
        ps.invoke()
        assert fault_of(ps.poll_invoke) == NO_SHELL


def test_a_receive_with_nothing_to_fetch_times_out(lab: Lab) -> None:
    with lab.pool() as pool:
        assert fault_of(pool._receive, timeout=1) == TIMED_OUT
        assert run(pool, "'x'").output == ["ok"]


# ---- errors of scripts


def failed(lab: Lab, error: Exception) -> Any:
    def answer(text: str, parameters: Parameters) -> str:
        raise error

    lab.answer = answer
    with lab.pool() as pool:
        ps = run(pool, "'x'")
    assert ps.had_errors
    [record] = ps.streams.error
    return record


def test_a_failed_script_arrives_with_its_error_id(lab: Lab) -> None:
    record = failed(lab, ScriptFailed("StageHash,mimc", "it's not what was sent: $(x)"))
    assert record.fq_error == "StageHash,mimc"
    assert str(record) == "it's not what was sent: $(x)"


def test_an_unknown_script_is_a_command_not_found(lab: Lab) -> None:
    record = failed(lab, UnknownScript())
    assert record.fq_error == "CommandNotFoundException"
    assert record.reason == "CommandNotFoundException"
    assert sha256("'x'") in str(record)


def test_a_bug_in_the_answer_is_an_error_without_its_text(lab: Lab) -> None:
    record = failed(lab, KeyError("a secret"))
    assert record.fq_error == "LabError"
    assert "KeyError at test_lab_wire.py:" in str(record)
    assert "secret" not in str(record)


def test_an_answer_that_cannot_be_written_is_an_error(lab: Lab) -> None:
    lab.answer = lambda *_: "half a pair \ud83d"
    with lab.pool() as pool:
        first = run(pool, "'x'")
        lab.answer = lambda *_: 5  # type: ignore[assignment]
        second = run(pool, "'x'")
    assert [ps.streams.error[0].fq_error for ps in (first, second)] == ["LabError", "LabError"]


# ---- what is refused


def cmdlet(ps: PowerShell) -> None:
    ps.add_cmdlet("Get-Date")


def two_commands(ps: PowerShell) -> None:
    ps.add_script("'x'").add_cmdlet("Out-String")


def two_statements(ps: PowerShell) -> None:
    ps.add_script("'x'").add_statement().add_script("'y'")


def script_block(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", TaggedValue("SBK", "Stop-Computer"))


def nested_script_block(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", {"inner": [TaggedValue("SBK", "Stop-Computer")]})


def argument_without_name(ps: PowerShell) -> None:
    ps.add_script("'x'").add_argument("y")


def other_type(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", 1.5)


def parameter_twice(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", 1).add_parameter("VALUE", 2)


@pytest.mark.parametrize(
    "build",
    [
        cmdlet,
        two_commands,
        two_statements,
        script_block,
        nested_script_block,
        argument_without_name,
        other_type,
        parameter_twice,
    ],
)
def test_a_pipeline_is_refused_that_is(lab: Lab, build: Callable[[PowerShell], None]) -> None:
    with lab.pool() as pool:
        with PowerShell(pool) as ps:
            build(ps)
            ps.invoke()
        assert run(pool, "'after'").output == ["ok"]
    assert ps.had_errors
    assert ps.streams.error[0].fq_error == "LabRefused"
    assert lab.asked == [("'after'", {})]


def iter_input() -> Iterator[str]:
    yield "input"


def test_pipeline_input_is_refused(lab: Lab) -> None:
    with lab.pool() as pool, PowerShell(pool) as ps:
        ps.add_script("'x'")
        ps.invoke(iter_input())
    assert ps.streams.error[0].fq_error == "LabRefused"
    assert lab.asked == []


def test_a_value_that_cannot_be_read_is_a_fault_and_the_pool_goes_on(lab: Lab) -> None:
    with lab.pool() as pool:
        ps = PowerShell(pool)
        ps.add_script("param($N)").add_parameter("N", 2**40)
        fault_of(ps.invoke)
        assert fault_of(pool.shell.receive, command_id=ps.id, timeout=1) == NO_SHELL
        assert run(pool, "'x'").output == ["ok"]
    assert len(lab.asked) == 1
