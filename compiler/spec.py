"""The spec as nouns, made from data that the schema has checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mimc import schemas
from mimc.bundle import Origin
from mimc.errors import Position, Problem, SpecError
from mimc.resources import SYNC_SERVICE
from mimc.resources.sync_service import check
from mimc.secret import Credential, SecretReference

from .load import Loaded, Path, load
from .validate import validate

#: A run waits this long for a node when the spec does not say: two hours of setup and some air.
DEFAULT_TIME_LIMIT_S = 9000
DEFAULT_SETUP_TIMEOUT_S = 7200


@dataclass(frozen=True, slots=True)
class Connection:
    """How to log in on a target; ``ca`` is a path relative to the spec, "" for the usual authorities."""

    auth: str
    port: int
    user: str
    password: SecretReference | None
    ca: str


@dataclass(frozen=True, slots=True)
class Target:
    """A node of the spec; ``certificate`` is a path relative to the spec, "" without one."""

    name: str
    host: str
    connection: Connection
    certificate: str
    time_limit_s: int
    position: Position
    certificate_position: Position


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole spec.

    ``service`` maps property names of MimSyncService to plain values or a :class:`Credential`, ``origins`` the
    same names to their place.
    """

    file: str
    name: str
    targets: Mapping[str, Target]
    service: Mapping[str, object]
    origins: Mapping[str, Origin]
    service_position: Position
    run_as: Credential | None
    audit_as: Credential | None
    lcm_mode: str
    keep_document: bool


def read_spec(data: bytes, file: str) -> Spec:
    """Return the spec in *data*; *file* is its name in errors and in the documents.

    Raises:
        SpecError: everything that is wrong with it, at once.
    """
    loaded = load(data, file)
    problems = validate(loaded, schemas.load("spec")) or list(_beyond_the_schema(loaded))
    if problems:
        raise SpecError(problems)
    return _spec(loaded)


def _beyond_the_schema(loaded: Loaded) -> Iterator[Problem]:
    section = SYNC_SERVICE.section
    computer_names = {
        str(target["host"]).partition(".")[0].casefold() for target in loaded.data["targets"].values()
    }
    for steps, text in check(loaded.data[section], computer_names):
        yield Problem(loaded.position((section, *steps)), f"{'.'.join((section, *steps))}: {text}")
    for name, target in loaded.data["targets"].items():
        connection = target.get("connection", {})
        path: Path = ("targets", name, "connection")
        if connection.get("auth") in ("ntlm", "basic") and not {"user", "password"} <= connection.keys():
            yield Problem(
                loaded.position((*path, "auth")),
                f"{'.'.join(map(str, path))}: {connection['auth']} needs user and password",
            )


def _spec(loaded: Loaded) -> Spec:
    data = loaded.data
    section = data[SYNC_SERVICE.section]
    lcm = data.get("localConfigurationManager", {})
    service, origins = _service(loaded, section)
    return Spec(
        file=loaded.file,
        name=data["name"],
        targets={name: _target(loaded, name, value) for name, value in data["targets"].items()},
        service=service,
        origins=origins,
        service_position=loaded.position((SYNC_SERVICE.section,), key=True),
        run_as=_credential(loaded, (SYNC_SERVICE.section, "runAs"), section.get("runAs")),
        audit_as=_credential(loaded, (SYNC_SERVICE.section, "auditAs"), section.get("auditAs")),
        lcm_mode=lcm.get("mode", "ApplyOnly"),
        keep_document=lcm.get("keepDocument", False),
    )


def _service(loaded: Loaded, section: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, Origin]]:
    service: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    for item in SYNC_SERVICE.properties:
        path: Path = (SYNC_SERVICE.section, *item.spec)
        if item.fixed is not None:
            service[item.name] = item.fixed
            origins[item.name] = Origin(SYNC_SERVICE.section, loaded.position(path, key=True))
            continue
        value: Any = section if item.spec else None
        for step in item.spec:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            continue
        if item.type == "MSFT_Credential":
            value = _credential(loaded, path, value)
        elif item.name == "SqlInstance" and value.casefold() == "default":
            value = "MSSQLSERVER"
        service[item.name] = value
        origins[item.name] = Origin(".".join(item.spec), loaded.position(path))
    return service, origins


def _target(loaded: Loaded, name: str, data: Mapping[str, Any]) -> Target:
    path: Path = ("targets", name)
    connection = data.get("connection", {})
    return Target(
        name=name,
        host=data["host"],
        connection=Connection(
            auth=connection.get("auth", "kerberos"),
            port=connection.get("port", 5986),
            user=connection.get("user", ""),
            password=_reference(loaded, (*path, "connection", "password"), connection.get("password")),
            ca=connection.get("ca", ""),
        ),
        certificate=data.get("certificate", ""),
        time_limit_s=data.get("timeLimitSeconds", DEFAULT_TIME_LIMIT_S),
        position=loaded.position(path, key=True),
        certificate_position=loaded.position((*path, "certificate")),
    )


def _credential(loaded: Loaded, path: Path, data: Mapping[str, Any] | None) -> Credential | None:
    if data is None:
        return None
    password = _reference(loaded, (*path, "password"), data["password"])
    assert password is not None
    return Credential(data["user"], password)


def _reference(loaded: Loaded, path: Path, data: Mapping[str, Any] | None) -> SecretReference | None:
    if data is None:
        return None
    return SecretReference("env", data["secret"]["env"], loaded.position(path))
