"""An endpoint over real sockets whose answers a test sets, and an unmodified pypsrp as its client."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from mimc.certificates import issue_authority, issue_server
from mimc.lab.httpd import Endpoint
from mimc.lab.psrp import SimulatedEngine

USER, PASSWORD = r"CONTOSO\labadmin", "only-for-this-test"
TIMED_OUT, NO_SHELL, NO_RESOURCE, TOO_MANY_SHELLS = 2150858793, 2150858843, 2150858811, 2150859173
ABORTED = 995

Parameters = Mapping[str, object]


@dataclass(frozen=True)
class Files:
    authority: Path
    certificate: Path
    key: Path


def issue(folder: Path) -> Files:
    authority = issue_authority("mimc lab test")
    server = issue_server(authority, "127.0.0.1")
    files = Files(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    files.authority.write_bytes(authority.certificate_pem)
    files.certificate.write_bytes(server.certificate_pem)
    files.key.write_bytes(server.key_pem)
    return files


class Lab:
    """An endpoint whose answer to a script a test can set, and what its engine was asked."""

    def __init__(self, files: Files, max_shells: int = 30) -> None:
        self.files = files
        self.asked: list[tuple[str, Parameters]] = []
        self.answer: Callable[[str, Parameters], str] = lambda text, parameters: "ok"
        self.endpoint = Endpoint(
            SimulatedEngine(self._answer),
            certificate=files.certificate,
            key=files.key,
            user=USER,
            password=PASSWORD,
            max_shells=max_shells,
        )

    def _answer(self, text: str, parameters: Parameters) -> str:
        self.asked.append((text, parameters))
        return self.answer(text, parameters)

    def wsman(self, **options: Any) -> WSMan:
        given: dict[str, Any] = {"server": "127.0.0.1", "username": USER, "password": PASSWORD, **options}
        given |= {"port": self.endpoint.port, "cert_validation": str(self.files.authority)}
        return WSMan(auth="basic", no_proxy=True, **given)

    @contextmanager
    def pool(self, **options: Any) -> Iterator[RunspacePool]:
        with self.wsman(**options) as wsman, RunspacePool(wsman) as pool:
            yield pool

    def operations(self) -> list[str]:
        return [exchange.operation for exchange in self.endpoint.service.recorder.exchanges()]


def run(pool: RunspacePool, text: str, **parameters: object) -> PowerShell:
    with PowerShell(pool) as ps:
        ps.add_script(text).add_parameters(parameters)
        ps.invoke()
    return ps


def fault_of(call: Callable[..., object], *arguments: object, **options: object) -> int:
    with pytest.raises(WSManFaultError) as caught:
        call(*arguments, **options)
    code: int = caught.value.code
    return code


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
