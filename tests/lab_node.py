"""A simulated node to ask, and small documents written by hand to push to it."""

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mimc.certificates import read_encryption_certificate
from mimc.cms import seal
from mimc.lab import Lab
from mimc.lab.answers import Answers
from mimc.lab.staging import module_sha256
from mimc.lab.tampering import tamper
from mimc.secret import Secret

VERSION = "0.1.0"
NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
CANARY = "Canary-7f3a!pa$$word"
JOB = "0e0f4b1c-6a60-4a83-9d0f-2c3c3a1f6a11"

CONTOSO: Mapping[str, object] = {
    "IsSingleInstance": "Yes",
    "Ensure": "Present",
    "SourcePath": r"\\corpfs\media\MIM2016SP2\Synchronization Service",
    "AcceptLicense": True,
    "SqlServer": "corpsql.contoso.com",
    "SqlInstance": "default",
    "DatabaseName": "FIMSynchronizationService",
    "AdministratorsGroup": r"contoso\MIMSyncAdmins",
    "OperatorsGroup": r"contoso\MIMSyncOperators",
    "JoinersGroup": r"contoso\MIMSyncJoiners",
    "BrowseGroup": r"contoso\MIMSyncBrowse",
    "PasswordResetGroup": r"contoso\MIMSyncPasswordReset",
    "EnableRpcFirewallRules": True,
    "KeyBackupPath": r"C:\MIM\keys\miiskeys.bin",
}
ACCOUNTS = [r"contoso\MIMSync", *(str(value) for name, value in CONTOSO.items() if name.endswith("Group"))]


def literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "{" + ", ".join(map(literal, value)) + "}"
    text = str(value)
    if text.startswith("$"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def instance(class_name: str, alias: str, properties: Mapping[str, object]) -> str:
    head = f"instance of {class_name}" + (f" as ${alias}" if alias else "")
    return (
        head
        + "\n{\n"
        + "".join(f" {name} = {literal(value)};\n" for name, value in properties.items())
        + "};\n"
    )


@dataclass(frozen=True)
class Client:
    """What a pusher does, without the wire."""

    lab: Lab
    answers: Answers

    @property
    def thumbprint(self) -> str:
        return read_encryption_certificate(self.lab.encryption_certificate, "lab").thumbprint

    def ask(self, script: str, **parameters: object) -> dict[str, Any]:
        text = self.answers.call(script, parameters)
        assert text.startswith('{"version": 1')
        answer = json.loads(text)
        assert isinstance(answer, dict)
        return answer

    def tamper(self, *changes: str) -> None:
        tamper(self.lab.node, changes)

    def preflight(self) -> dict[str, Any]:
        return self.ask(
            "preflight", Thumbprint=self.thumbprint, ModuleName="MimSyncDsc", ModuleVersion=VERSION
        )

    def read(self) -> dict[str, Any]:
        answer = self.ask("read", Account=ACCOUNTS, KeyBackupPath=str(CONTOSO["KeyBackupPath"]))
        state = answer["state"]
        assert isinstance(state, dict)
        return state

    def stage(self, name: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        self.ask("stage", Name=name, Sha256=digest, Length=len(data), Offset=0, Data=data)
        return {"Name": name, "Sha256": digest}

    def install_module(self) -> None:
        archive = module()
        staged = self.stage("MimSyncDsc.zip", archive)
        digest = module_sha256(archive)
        answer = self.ask(
            "install-module", **staged, ModuleName="MimSyncDsc", ModuleVersion=VERSION, ModuleSha256=digest
        )
        assert answer["sha256"] == digest

    def configure(self) -> dict[str, Any]:
        return self.ask("configure-lcm", **self.stage("corpsync.meta.mof", meta_mof(self.thumbprint)))

    def enact(self, data: bytes) -> dict[str, Any]:
        """Push a node MOF and return its job."""
        answer = self.ask("enact", **self.stage("corpsync.mof", data), JobId=JOB)
        assert answer == {"version": 1, "started": True}
        job = self.ask("follow", JobId=JOB)["job"]
        assert isinstance(job, dict)
        return job

    def withdraw(self, *, document: bool = True) -> dict[str, Any]:
        names = ["MimSyncDsc.zip", "corpsync.meta.mof", "corpsync.mof"]
        return self.ask("withdraw", Name=names, Document=document, Configuration="")

    def apply(self, data: bytes | None = None) -> dict[str, Any]:
        """Do everything in the order of docs/contract.md; the document is withdrawn."""
        self.install_module()
        self.configure()
        job = self.enact(self.mof() if data is None else data)
        self.withdraw()
        return job

    def credential(self, alias: str, user: str, password: str = CANARY, *, sealed: bool = True) -> str:
        certificate = read_encryption_certificate(self.lab.encryption_certificate, "lab")
        text = seal(Secret(password), certificate) if sealed else password
        return instance("MSFT_Credential", alias, {"UserName": user, "Password": text})

    def mof(
        self,
        changes: Mapping[str, object] | None = None,
        *,
        name: str = "ContosoSync",
        content_type: str = "PasswordEncrypted",
        run_as: str = r"contoso\miminstall",
        service_account: str = r"contoso\MIMSync",
        password: str = CANARY,
        extra: str = "",
    ) -> bytes:
        values = {**CONTOSO, **(changes or {})}
        values = {key: value for key, value in values.items() if value is not None}
        values |= {"ModuleName": "MimSyncDsc", "ModuleVersion": VERSION, **values}
        credentials = ""
        if service_account:
            credentials += self.credential("Service", service_account, password)
            values["ServiceAccount"] = "$Service"
        if run_as:
            credentials += self.credential("RunAs", run_as, password)
            values["PsDscRunAsCredential"] = "$RunAs"
        resource = instance("MSFT_MimSyncService", "Sync", {"ResourceID": "[MimSyncService]Sync", **values})
        document = {"Version": "2.0.0", "Name": name}
        if content_type:
            document["ContentType"] = content_type
        text = credentials + resource + extra + instance("OMI_ConfigurationDocument", "", document)
        return b"\xff\xfe" + text.encode("utf-16-le")

    def audit(self) -> dict[str, Any]:
        data = gzip.compress(self.mof(run_as=r"contoso\mimaudit"))
        return self.ask("audit", Document=data, Thumbprint=self.thumbprint, ModuleVersion=VERSION)


def module() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("MimSyncDsc.psd1", "@{}")
        archive.writestr("DSCResources/MSFT_MimSyncService/MSFT_MimSyncService.psm1", "# nothing")
    return buffer.getvalue()


def meta_mof(thumbprint: str, **settings: object) -> bytes:
    values = {
        "ConfigurationMode": "ApplyOnly",
        "RefreshMode": "Push",
        "RebootNodeIfNeeded": False,
        **settings,
    }
    if thumbprint:
        values["CertificateID"] = thumbprint
    text = instance("MSFT_DSCMetaConfiguration", "Meta", values)
    text += instance("OMI_ConfigurationDocument", "", {"Version": "2.0.0", "Name": "ContosoSync"})
    return b"\xff\xfe" + text.encode("utf-16-le")
