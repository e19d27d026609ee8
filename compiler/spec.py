"""The spec as nouns: the whole with its targets, and for each target what its node is to be.

A node's effective spec is made of layers (``overlay``): the files that ``base`` names, the target's groups in their
order, the target's own sections; then variables are replaced. It is checked there, because only there it is whole.
"""

import hashlib
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from mimc.errors import Position, Problem, SpecError
from mimc.secret import Credential, SecretReference

from .declared import Catalogue, ReadReference, read_resources
from .dependencies import check_document
from .document import Instance
from .lcm import Lcm, read_lcm
from .load import Loaded, Path, load
from .modules import ModuleCatalogue
from .overlay import Variables, merge, uses_variables
from .references import read_reference
from .service import SECTION, Service, read_service, service_problems
from .validate import did_you_mean, validate, validate_layer, validate_part

#: A run waits this long for a node when the spec does not say: two hours of setup and some air.
DEFAULT_TIME_LIMIT_S = 9000
DEFAULT_SETUP_TIMEOUT_S = 7200
_MAX_BASES = 8
#: The parts of a layer, and so of a node's effective spec.
LAYERED = ("variables", SECTION, "resources", "localConfigurationManager")

#: Returns the bytes of a file that a spec names, by its path as it is shown; raises OSError.
ReadFile = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Connection:
    """How to log in on a target; ``ca`` is a path relative to its file, "" for the usual authorities."""

    auth: str
    port: int
    user: str
    password: SecretReference | None
    ca: str


@dataclass(frozen=True, slots=True)
class Target:
    """A node of the spec; ``certificate`` is a path relative to its file, "" without one."""

    name: str
    host: str
    connection: Connection
    certificate: str
    time_limit_s: int
    position: Position
    certificate_position: Position


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What one node is to be: its service, when it has one, its other resources, its LCM."""

    service: Service | None
    resources: tuple[Instance, ...]
    lcm: Lcm


@dataclass(frozen=True, slots=True)
class _Layers:
    """Layers put together; ``node`` is what they are for every node alike, None where each has its own."""

    whole: Loaded
    has_variables: bool
    shared: list[NodeSpec] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole spec. :meth:`node` gives what one of its targets is to be, checked when it is asked for."""

    file: str
    name: str
    targets: Mapping[str, Target]
    loaded: Loaded
    files: tuple[Loaded, ...]
    catalogue: Catalogue
    _by_groups: dict[tuple[str, ...], _Layers] = field(default_factory=dict)

    def node(self, target: Target) -> NodeSpec:
        """Return what *target*'s node is to be.

        Raises:
            SpecError: everything that is wrong with it, at once.
        """
        layers, is_own = self._layers(target)
        if is_own or layers.has_variables:
            return _node(self.effective(target), target, self.catalogue)
        if not layers.shared:
            layers.shared.append(_node(layers.whole, target, self.catalogue))
        elif problems := list(_computer_problems(layers.whole, target)):
            raise SpecError(problems)
        return layers.shared[0]

    def effective(self, target: Target) -> Loaded:
        """Return the layers of *target* put together and its variables replaced; places are kept.

        Raises:
            SpecError: an unknown variable.
        """
        layers, is_own = self._layers(target)
        whole = merge(layers.whole, self._own(target)) if is_own else layers.whole
        if not is_own and not layers.has_variables:
            return whole
        values = {"target": target.name, "host": target.host, **whole.data.get("variables", {})}
        resolved, problems = Variables(values).resolve(whole)
        if problems:
            raise SpecError(problems)
        return resolved

    @property
    def has_secrets(self) -> bool:
        """Whether a reference to a secret stands anywhere in it."""
        return _has_key(self.loaded.data, "secret")

    @property
    def fingerprint(self) -> str:
        """A hash over the files that it is made of, and over those of the modules that it may use."""
        parts = (*(f"{file.file}\0{file.sha256}" for file in self.files), self.catalogue.fingerprint)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def layers(self, target: Target) -> list[tuple[str, Loaded]]:
        """Return every layer of *target* by its name, the lowest first; variables stand in them as written."""
        groups = self.loaded.data["targets"][target.name].get("groups", ())
        return [
            *(("the spec", file.only(LAYERED)) for file in self.files),
            *((f"group {name}", self.loaded.at(("groups", name)).only(LAYERED)) for name in groups),
            (f"target {target.name}", self._own(target)),
        ]

    def _own(self, target: Target) -> Loaded:
        return self.loaded.at(("targets", target.name)).only(LAYERED)

    def _layers(self, target: Target) -> tuple[_Layers, bool]:
        """Return what the target shares with others of the same groups, and whether it has layers of its own."""
        data = self.loaded.data["targets"][target.name]
        groups = tuple(data.get("groups", ()))
        if groups not in self._by_groups:
            whole = self.loaded.only(LAYERED)
            for name in groups:
                whole = merge(whole, self.loaded.at(("groups", name)).only(LAYERED))
            self._by_groups[groups] = _Layers(whole, uses_variables(whole.data))
        return self._by_groups[groups], not data.keys().isdisjoint(LAYERED)


def read_spec(
    data: bytes,
    file: str,
    read_file: ReadFile | None = None,
    open_modules: Callable[[Sequence[pathlib.Path]], Catalogue] = ModuleCatalogue,
) -> Spec:
    """Return the spec in *data*; *file* is its name in errors, *read_file* reads the files below it.

    *open_modules* gives the DSC classes of the folders under ``schemas``; it reads what is asked for.

    Raises:
        SpecError: everything that is wrong with it as a whole, at once; what is wrong with a node's effective spec
            is found by :meth:`Spec.node`.
    """
    files = _with_bases(load(data, file), read_file)
    loaded = reduce(merge, files)
    problems = validate(loaded, "spec") or list(_beyond_the_schema(loaded))
    if problems:
        raise SpecError(problems)
    targets = {name: _target(loaded, name, value) for name, value in loaded.data["targets"].items()}
    folders = [
        pathlib.Path(loaded.position(("schemas", at)).file).parent / name
        for at, name in enumerate(loaded.data.get("schemas", ()))
    ]
    return Spec(file, loaded.data["name"], targets, loaded, files, open_modules(folders))


def check_all(spec: Spec) -> None:
    """Check the effective spec of every target.

    Raises:
        SpecError: everything that is wrong anywhere, at once.
    """
    problems: list[Problem] = []
    for target in spec.targets.values():
        try:
            spec.node(target)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)


def _with_bases(loaded: Loaded, read_file: ReadFile | None) -> tuple[Loaded, ...]:
    """Return the files that the spec is made of, the lowest first."""
    chain = [loaded]
    while isinstance(chain[-1].data, dict) and "base" in chain[-1].data:
        chain.append(_base(chain, read_file))
    problems = [problem for layer in chain if len(chain) > 1 for problem in validate_layer(layer, "spec")]
    if problems:
        raise SpecError(problems)
    return tuple(reversed(chain))


def _base(chain: Sequence[Loaded], read_file: ReadFile | None) -> Loaded:
    above = chain[-1]
    place = above.position(("base",))
    name = above.data["base"]
    if not isinstance(name, str) or not name:
        raise SpecError([Problem(place, "base: expected the path of a spec file")])
    file = str(pathlib.PurePath(above.file).parent / name)
    if file in {layer.file for layer in chain} or len(chain) > _MAX_BASES:
        raise SpecError(
            [Problem(place, f"base: {name} lies below this file already: the files go in a circle")]
        )
    try:
        if read_file is None:
            raise FileNotFoundError(2, "there is no folder to look in")
        return load(read_file(file), file)
    except OSError as error:
        raise SpecError([Problem(place, f"base: cannot read {file}: {error.strerror}")]) from None


def _beyond_the_schema(loaded: Loaded) -> Iterator[Problem]:
    groups = loaded.data.get("groups", {})
    first: dict[str, str] = {}
    for name, target in loaded.data["targets"].items():
        path: Path = ("targets", name)
        if (other := first.setdefault(name.lower(), name)) != name:
            text = f"targets.{name}: is {other} in another case, and their documents would be one file on Windows"
            yield Problem(loaded.position(path, key=True), text)
        connection = target.get("connection", {})
        if connection.get("auth") in ("ntlm", "basic") and not {"user", "password"} <= connection.keys():
            yield Problem(
                loaded.position((*path, "connection", "auth")),
                f"targets.{name}.connection: {connection['auth']} needs user and password",
            )
        for at, group in enumerate(target.get("groups", ())):
            if group not in groups:
                hint = did_you_mean(group, groups)
                yield Problem(
                    loaded.position((*path, "groups", at)), f"targets.{name}: there is no group {group}{hint}"
                )


def _node(effective: Loaded, target: Target, catalogue: Catalogue) -> NodeSpec:
    sections = [name for name in LAYERED if name in effective.data and name != "resources"]
    problems = [problem for name in sections for problem in validate_part(effective, (name,), name)]
    if problems:
        raise SpecError(problems)
    reference = _checked_reference(effective)
    lcm, lcm_problems = read_lcm(effective, reference)
    declarations, resource_problems = read_resources(
        effective.data.get("resources", []), ("resources",), effective.position, catalogue, reference
    )
    service = None
    if SECTION in effective.data:
        problems += _computer_problems(effective, target)
        if not problems:
            service = read_service(effective, _credential)
    known = (*declarations, service.declaration) if service else declarations
    problems += [*lcm_problems, *resource_problems, *check_document(known)]
    if not declarations and SECTION not in effective.data and not problems:
        text = f"targets.{target.name}: neither syncService nor resources: nothing to do"
        problems.append(Problem(target.position, text))
    if problems:
        raise SpecError(problems)
    return NodeSpec(service, tuple(declaration.instance for declaration in declarations), lcm)


def _checked_reference(effective: Loaded) -> ReadReference:
    """Return what reads a reference to a secret wherever the schema did not look."""

    def read(raw: Any, path: Path) -> SecretReference:
        if problems := validate_part(effective, path, "secret"):
            raise SpecError(problems)
        return read_reference(raw, path, effective.position)

    return read


def _has_key(value: object, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_has_key(item, key) for item in value.values())
    return isinstance(value, list) and any(_has_key(item, key) for item in value)


def _computer_problems(effective: Loaded, target: Target) -> Iterator[Problem]:
    if SECTION in effective.data:
        yield from service_problems(effective, frozenset({target.host.partition(".")[0].lower()}))


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


def _credential(loaded: Loaded, path: Path, data: Mapping[str, Any]) -> Credential:
    password = _reference(loaded, (*path, "password"), data["password"])
    assert password is not None
    return Credential(data["user"], password)


def _reference(loaded: Loaded, path: Path, data: Mapping[str, Any] | None) -> SecretReference | None:
    if data is None:
        return None
    return read_reference(data, path, loaded.position)
