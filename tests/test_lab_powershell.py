"""The engine that is a real PowerShell, behind the lab's endpoint and in front of an unmodified pypsrp."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from mimc.errors import InputError
from mimc.lab import open_lab
from mimc.lab.engine import PoolClosed
from mimc.lab.httpd import Endpoint
from mimc.lab.locate import PowerShell as PowerShell7
from mimc.lab.locate import clean_environment, find_powershell
from mimc.lab.powershell import EngineFailed, PowerShellEngine, PowerShellPool
from mimc.lab.windows_node import WindowsNode

from .wire_lab import PASSWORD, USER, Files, issue, run, sha256

MODULE = Path(__file__).parent.parent / "resources" / "dsc-modules" / "MimSyncDsc"
ECHO = "param([string] $Text, [byte[]] $Data, [string[]] $List) $Text; $Data.Length; $List.Count; $first"


class Counting(PowerShellEngine):
    """Remembers the pools that it opened, to look at their processes."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pools: list[PowerShellPool] = []

    def open(self, *arguments: Any) -> PowerShellPool:
        pool = super().open(*arguments)
        assert isinstance(pool, PowerShellPool)
        self.pools.append(pool)
        return pool

    def exit_codes(self) -> list[int | None]:
        return [pool._process.poll() for pool in self.pools]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("certificates"))


@contextmanager
def served(files: Files, engine: PowerShellEngine) -> Iterator[Endpoint]:
    endpoint = Endpoint(
        engine, certificate=files.certificate, key=files.key, user=USER, password=PASSWORD, max_shells=3
    )
    with endpoint:
        yield endpoint


@contextmanager
def pool(files: Files, endpoint: Endpoint) -> Iterator[RunspacePool]:
    options: dict[str, Any] = {"cert_validation": str(files.authority), "port": endpoint.port}
    wsman = WSMan(
        "127.0.0.1", username=USER, password=PASSWORD, auth="basic", no_proxy=True, operation_timeout=5,
        read_timeout=15, **options
    )  # fmt: skip
    with wsman, RunspacePool(wsman) as opened:
        yield opened


@pytest.fixture(scope="module")
def engine(engine_path: Path) -> Counting:
    return Counting(engine_path, clean_environment(os.environ), "$first = 'ran first'")


@pytest.fixture(scope="module")
def endpoint(files: Files, engine: Counting) -> Iterator[Endpoint]:
    with served(files, engine) as endpoint:
        yield endpoint
    assert engine.pools
    assert None not in engine.exit_codes(), "no process is left"
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("mimc-lab-pwsh")]


@pytest.fixture(scope="module")
def shared(files: Files, endpoint: Endpoint) -> Iterator[RunspacePool]:
    with pool(files, endpoint) as opened:
        yield opened


@pytest.mark.engine
def test_a_script_and_its_values_reach_a_real_powershell_unchanged(
    shared: RunspacePool, endpoint: Endpoint
) -> None:
    text = 'it\'s "quoted" $(Stop-Computer) `n $env:X _x0041_ \N{GRINNING FACE} \x1b'
    endpoint.service.recorder.clear()
    done = run(shared, ECHO, Text=text, Data=bytes(range(256)) * 1200, List=["a", "b"])
    assert done.output == [text, 307200, 2, "ran first"]
    assert endpoint.service.recorder.scripts() == (sha256(ECHO),), "the client's text, and nothing beside it"


@pytest.mark.engine
def test_more_than_one_fragment_comes_back_whole(shared: RunspacePool) -> None:
    assert run(shared, "'x' * 200000").output == ["x" * 200000]


@pytest.mark.engine
def test_every_stream_arrives(shared: RunspacePool) -> None:
    done = run(
        shared,
        "$VerbosePreference = 'Continue'; Write-Verbose 'v'; Write-Warning 'w'; Write-Error 'e'\n"
        "Write-Progress 'p'; Write-Information 'i'; 'o'",
    )
    streams = done.streams
    assert done.output == ["o"]
    assert [streams.verbose[-1].message, streams.warning[-1].message] == ["v", "w"]
    assert [str(streams.error[-1]), streams.progress[-1].activity] == ["e", "p"]
    assert str(streams.information[-1].message_data) == "i"


@pytest.mark.engine
def test_what_the_module_says_while_it_works_arrives_too(
    files: Files, engine_path: Path, tmp_path: Path, lab_template: Path
) -> None:
    shutil.copytree(lab_template, tmp_path / "lab")
    lab = open_lab(tmp_path / "lab", "corpsync")
    script = (
        f"Import-Module -Name '{MODULE / 'MimSyncDsc.Prerequisite.psm1'}'; Write-Step -Message 'checking the node'\n"
        "Write-Advice -Parameter @{} -Property @{ SERVICEDOMAIN = 'contoso'; SERVICEACCOUNT = 'MIMSync' }\n"
        "Write-Step -Completed"
    )
    with (
        WindowsNode(lab.node, PowerShell7(engine_path, "7"), os.environ) as node,
        served(files, node.engine) as endpoint,
        pool(files, endpoint) as opened,
    ):
        streams = run(opened, script).streams
    assert [record.message for record in streams.verbose] == ["checking the node"]
    # Progress of ours: an import has some of its own.
    ours = [record for record in streams.progress if record.activity == "MIM Synchronization Service"]
    assert [record.description for record in ours] == ["checking the node", "done"]
    assert str(ours[-1].progress_type) == "Completed"
    (warning,) = (str(record.message) for record in streams.warning)
    assert warning.startswith(
        r"Advice: the service account contoso\MIMSync should be listed in these policies:"
    )
    assert "SeDenyInteractiveLogonRight" in warning and "could not be read" not in warning
    assert not list((tmp_path / "lab").rglob("rights.inf"))


@pytest.mark.engine
def test_a_terminating_error_ends_the_pipeline_with_its_error_id(shared: RunspacePool) -> None:
    done = run(shared, "$ErrorActionPreference = 'Stop'; Get-Item -LiteralPath /no/such/file")
    assert done.had_errors
    assert done.streams.error[-1].fq_error == "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"


@pytest.mark.engine
def test_a_pipeline_is_stopped_and_the_pool_goes_on(shared: RunspacePool) -> None:
    waiting = PowerShell(shared)
    waiting.add_script("Start-Sleep -Seconds 60")
    waiting.begin_invoke()
    began = time.monotonic()
    waiting.stop()
    assert run(shared, "'still here'").output == ["still here"]
    assert time.monotonic() - began < 20


@pytest.mark.engine
def test_a_powershell_that_dies_is_a_fault_and_no_hang(
    files: Files, endpoint: Endpoint, engine: Counting
) -> None:
    with pool(files, endpoint) as opened:
        waiting = PowerShell(opened)
        waiting.add_script("Start-Sleep -Seconds 60")
        waiting.begin_invoke()
        dying = engine.pools[-1]
        os.kill(dying._process.pid, signal.SIGKILL)
        with pytest.raises(Exception, match="closed while the operation waited"):
            waiting.end_invoke()
        assert dying._process.wait(10) == -signal.SIGKILL
        with pytest.raises(PoolClosed):
            dying.send(None, b"")


@pytest.mark.engine
def test_what_has_to_run_first_and_fails_makes_no_shell_and_is_told(
    files: Files, engine_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = PowerShellEngine(engine_path, clean_environment(os.environ), "throw 'not today'")
    with (
        served(files, engine) as endpoint,
        pytest.raises(Exception, match=EngineFailed.__name__),
        pool(files, endpoint),
    ):
        pass
    assert "not today" in caplog.text


def test_the_engine_is_named_by_a_variable_then_looked_for_on_the_path(tmp_path: Path) -> None:
    for name, version in (("named", "7.6.9"), ("pwsh", "7.4.0-preview.1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho PowerShell {version}\n")
        program.chmod(0o755)
    path = {"PATH": str(tmp_path)}
    assert find_powershell({**path, "MIMC_PWSH": str(tmp_path / "named")}).version == "7.6.9"
    found = find_powershell(path)
    assert found.path == tmp_path / "pwsh"
    assert found.engine == "lab (real PowerShell 7.4.0-preview.1, simulated Windows)"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "no pwsh on PATH"),
        ({"MIMC_PWSH": "/no/such/program"}, "MIMC_PWSH is /no/such/program"),
        ({"MIMC_PWSH": "/bin/echo"}, "is no PowerShell 7"),
    ],
)
def test_without_an_engine_the_error_says_how_to_get_one(
    variables: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        find_powershell({"PATH": str(tmp_path), **variables})
    assert "MIMC_PWSH" in str(caught.value)


def test_a_powershell_of_the_lab_gets_no_variable_that_could_hold_a_secret() -> None:
    given = clean_environment({"PATH": "/bin", "MIMSYNC_PASSWORD": "x", "HOME": "/home/u"})
    assert {"MIMSYNC_PASSWORD"}.isdisjoint(given) and given["HOME"] == "/home/u"
