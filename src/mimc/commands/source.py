"""Where a verb gets its spec from: the file, the targets asked for, the certificates beside it."""

import argparse
import datetime
import errno
import sys
from pathlib import Path

from mimc.certificates import (
    EncryptionCertificate,
    expiry_fault,
    expiry_warning,
    read_encryption_certificate,
)
from mimc.compiler import FindCertificate
from mimc.compiler.spec import Spec, Target, read_spec
from mimc.compiler.validate import did_you_mean
from mimc.errors import InputError, Position, Problem, SpecError, UsageError

DEFAULT_FILES = ("spec.yaml", "mimc.yaml")
#: A spec of thousands of nodes has some ten MiB; a device or a disk image has no end.
_MAX_SPEC_BYTES = 256 << 20


def add_spec_argument(parser: argparse.ArgumentParser) -> None:
    """Add SPEC to *parser*."""
    parser.add_argument(
        "spec",
        nargs="?",
        metavar="SPEC",
        help=f"the spec; without it {' or '.join(DEFAULT_FILES)} in the current folder",
    )


def load_spec(name: str | None) -> Spec:
    """Return the spec of the file *name* (None: the default ones), with the files that it lies over.

    Raises:
        InputError: no such file, or it cannot be read.
        SpecError: it is not valid.
    """
    path = Path(name) if name else _default_file()
    if path is None:
        raise InputError(f"no {' and no '.join(DEFAULT_FILES)} in this folder; name the spec: mimc VERB SPEC")
    try:
        data = _read(path)
    except OSError as error:
        raise InputError(f"{path}: cannot read the spec: {error.strerror}") from error
    return read_spec(data, str(path), lambda below: _read(Path(below)))


def _default_file() -> Path | None:
    try:
        return next((path for path in map(Path, DEFAULT_FILES) if path.is_file()), None)
    except OSError as error:
        raise InputError(f"cannot look for a spec in this folder: {error.strerror}") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MAX_SPEC_BYTES + 1)
    if len(data) > _MAX_SPEC_BYTES:
        raise OSError(errno.EFBIG, f"more than {_MAX_SPEC_BYTES >> 20} MiB")
    return data


def choose_target(spec: Spec, name: str | None) -> Target:
    """Return the target *name*, or the only one.

    Raises:
        UsageError: no such target, or none named where there are several.
    """
    if name is None:
        if len(spec.targets) > 1:
            raise UsageError(f"the spec has several targets; name one: --target {' or '.join(spec.targets)}")
        return next(iter(spec.targets.values()))
    if name not in spec.targets:
        known = ", ".join(spec.targets)
        hint = did_you_mean(name, spec.targets)
        raise UsageError(f"the spec {spec.file} has no target {name}{hint}\n  its targets: {known}")
    return spec.targets[name]


def beside(position: Position, name: str) -> Path:
    """Return the path of the file *name*, relative to the spec file that names it at *position*."""
    return Path(position.file).parent / name


def authority_problems(target: Target) -> list[Problem]:
    """Return what is wrong with the certificate authorities that *target* names for its connection."""
    name = target.connection.ca
    if not name or beside(target.position, name).is_file():
        return []
    return [Problem(target.position, f"targets.{target.name}.connection.ca: there is no file {name}")]


def certificate_files(now: datetime.datetime) -> FindCertificate:
    """Return what finds the certificate that a target names, valid at *now*; one that soon is not is warned of once."""
    warned: set[Path] = set()

    def find(target: Target) -> EncryptionCertificate | None:
        if not target.certificate:
            return None
        path = beside(target.certificate_position, target.certificate)
        try:
            certificate = read_encryption_certificate(path.read_bytes(), target.certificate)
        except OSError as error:
            text = f"{target.certificate}: cannot read the certificate: {error.strerror}"
            raise SpecError([Problem(target.certificate_position, text)]) from None
        except InputError as error:
            raise SpecError([Problem(target.certificate_position, str(error))]) from None
        if fault := expiry_fault(certificate, now):
            text = f"{target.certificate}: the certificate {fault}"
            raise SpecError([Problem(target.certificate_position, text)])
        if (warning := expiry_warning(certificate, now)) and path not in warned:
            warned.add(path)
            sys.stderr.write(
                f"{target.certificate_position}: warning: {target.certificate}: the certificate {warning}\n"
            )
        return certificate

    return find
