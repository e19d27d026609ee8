"""What the tests of several modules share: the engine's option, and the command line in a folder of its own."""

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from mimc import lab
from mimc.cli import main


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine-required", action="store_true", help="fail when there is no PowerShell instead of skipping"
    )


def pytest_configure() -> None:
    # A shell's background job inherits an ignored Ctrl-C, and so would every process that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


#: What a test of the engine lane says for the summary. A property of its report, so that a worker's arrives too.
LANE = "engine lane"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == LANE and report.when == "call":
                    terminalreporter.write_line(f"{LANE}: {value}")


def find_engine() -> str | None:
    """Return the PowerShell to test with: MIMC_PWSH, else pwsh on PATH."""
    return os.environ.get("MIMC_PWSH") or shutil.which("pwsh")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if find_engine():
        return
    if config.getoption("--engine-required"):
        raise pytest.UsageError(
            "no PowerShell: neither MIMC_PWSH nor pwsh on PATH, and --engine-required says so"
        )
    skip = pytest.mark.skip(reason="no PowerShell: neither MIMC_PWSH nor pwsh on PATH")
    for item in items:
        if item.get_closest_marker("engine"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def engine_path() -> Path:
    """The PowerShell to test with; tests that use it carry the marker engine."""
    found = find_engine()
    assert found
    return Path(found)


@dataclass(frozen=True)
class Outcome:
    """A finished command: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


class Mimc:
    """The command line, run in this process in a folder of its own that holds the examples and a fresh lab."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str) -> Outcome:
        self._capsys.readouterr()
        code = main(list(arguments))
        captured = self._capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    def lab_state(self, target: str = "corpsync") -> str:
        """Return the text of the simulated node's state."""
        return (self.folder / ".mimc" / "lab" / f"{target}.json").read_text("utf-8")


CONTOSO, FABRIKAM = "examples/contoso/spec.yaml", "examples/fabrikam/spec.yaml"


@pytest.fixture(scope="session")
def lab_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with certificates and nodes nobody applied to: making its keys anew in each test would take minutes."""
    folder = tmp_path_factory.mktemp("template") / "lab"
    for target, host in (
        ("corpsync", "corpsync.contoso.com"),
        ("fabsync01", "fabsync01.corp.fabrikam.example"),
    ):
        with lab.open_lab(folder, target, host).serve():
            pass
    return folder


@pytest.fixture
def mimc(
    tmp_path: Path, lab_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mimc:
    """The command line in a folder with the examples and a lab whose nodes are fresh."""
    shutil.copytree(Path(__file__).parent.parent / "examples", tmp_path / "examples")
    shutil.copytree(lab_template, tmp_path / ".mimc" / "lab")
    monkeypatch.chdir(tmp_path)
    for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD"):
        # Whoever works with the examples has them set.
        monkeypatch.delenv(name, raising=False)
    return Mimc(tmp_path, capsys)


@pytest.fixture
def applied(mimc: Mimc) -> Mimc:
    """The same, after Contoso was applied in the lab."""
    assert mimc("apply", CONTOSO, "--target", "corpsync", "--lab", "--yes").code == 0
    return mimc
