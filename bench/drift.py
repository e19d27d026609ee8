"""One drift beside the bare pypsrp sequence on the same endpoint: ``python bench/drift.py [RUNS]``.

The endpoint is the lab's, in a process of its own. The bare sequence opens a pool, sends the same scripts with the
same parameters and closes; what mimc takes beyond it is mimc. Both run in this process, so that no interpreter start
is in either figure.
"""

import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from mimc.cli import main as mimc
from mimc.pusher import scripts
from mimc.pusher.winrm import WinrmSession

EXAMPLE = Path(__file__).parent.parent / "examples" / "contoso" / "spec.yaml"
SECRETS = ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD", "LAB_PASSWORD")
Sent = list[tuple[str, Mapping[str, object]]]


def median_s(run: Callable[[], object], runs: int) -> float:
    """Return the median wall time of *run* over *runs* runs, after one that does not count."""
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def write_spec(served: dict[str, Any]) -> None:
    """Write the Contoso spec for the served endpoint, sealed for the lab's certificate, as spec.yaml."""
    text = EXAMPLE.read_text("utf-8")
    text = text.replace("host: corpsync.contoso.com", f"host: {served['host']}")
    connection = (
        f"connection: {{auth: basic, port: {served['port']}, user: lab, ca: '{served['caFile']}', "
        "password: {secret: {env: LAB_PASSWORD}}}"
    )
    text = text.replace("connection: {auth: kerberos, port: 5986}", connection)
    text = text.replace("certs/corpsync.cer", ".mimc/lab/corpsync.cer")
    Path("spec.yaml").write_text(text, "utf-8")


def quiet_mimc(*arguments: str) -> dict[str, Any]:
    """Run a verb in this process and return its JSON report."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = mimc([*arguments, "--output", "json"])
    assert code == 0, out.getvalue()
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def sent_by_drift() -> Sent:
    """Return the scripts that a drift sends, with their parameters."""
    sent: Sent = []
    run = WinrmSession.run

    def recording(self: WinrmSession, script: str, parameters: Mapping[str, object], timeout_s: float) -> Any:
        sent.append((script, parameters))
        return run(self, script, parameters, timeout_s)

    WinrmSession.run = recording  # type: ignore[method-assign]
    try:
        quiet_mimc("drift")
    finally:
        WinrmSession.run = run  # type: ignore[method-assign]
    return sent


def bare(served: dict[str, Any], sent: Sent) -> None:
    """Do with pypsrp alone what a drift sends."""
    with WSMan(
        served["host"], port=served["port"], ssl=True, auth="basic", username="lab", no_proxy=True,
        password=os.environ["LAB_PASSWORD"], cert_validation=served["caFile"],
    ) as wsman, RunspacePool(wsman) as pool:  # fmt: skip
        for script, parameters in sent:
            shell = PowerShell(pool)
            shell.add_script(scripts.read(script)).add_parameters(dict(parameters))
            assert json.loads(shell.invoke()[0])["version"] == 1


def main() -> None:
    """Print the time and the traffic of a drift, and the ratio to the bare sequence."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        command = [sys.executable, "-m", "mimc", "lab", "serve", "--output", "json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
            try:
                assert server.stdout
                served = json.loads(server.stdout.readline())
                password = Path(served["passwordFile"]).read_text("utf-8")
                os.environ.update(dict.fromkeys(SECRETS, "bench") | {"LAB_PASSWORD": password})
                write_spec(served)
                quiet_mimc("apply", "--target", "corpsync", "--yes")
                sent = sent_by_drift()
                traffic = quiet_mimc("drift")["traffic"]
                drift_s = median_s(lambda: quiet_mimc("drift"), runs)
                bare_s = median_s(lambda: bare(served, sent), runs)
            finally:
                server.terminate()
    print(f"scripts  {', '.join(script for script, _ in sent)}")
    print(
        f"traffic  {traffic['requests']} requests, {traffic['bytesSent']} bytes up, {traffic['bytesReceived']} down"
    )
    print(f"drift    {drift_s * 1000:6.1f} ms")
    print(f"bare     {bare_s * 1000:6.1f} ms")
    print(f"drift takes {drift_s / bare_s:.2f} times the bare pypsrp sequence on the same endpoint")


if __name__ == "__main__":
    main()
