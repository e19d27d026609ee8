"""``mimc inspect``: read a package of the media; nothing of it is run."""

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from mimc.errors import InputError
from mimc.msi import read_package
from mimc.resources.media import Finding, Inspection, inspect


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("package", metavar="FILE", type=Path, help='such as "Synchronization Service.msi"')
    parser.add_argument("--output", choices=("text", "json"), default="text", help="form of the output")


def run(arguments: argparse.Namespace) -> int:
    """Inspect the package: 0 when it takes what setup will be sent, 1 when it does not."""
    path: Path = arguments.package
    try:
        with path.open("rb") as file:
            found = inspect(read_package(file, str(path)))
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot read the package: {error.strerror}") from None
    render = _json if arguments.output == "json" else _text
    sys.stdout.write(render(str(path), digest, found))
    return 1 if found.reasons else 0


def _json(path: str, digest: str, found: Inspection) -> str:
    answer = {
        "formatVersion": "1.0",
        "file": path,
        "sha256": digest,
        "fits": not found.reasons,
        "reasons": found.reasons,
        "notes": found.notes,
        "product": {
            "name": found.name,
            "version": found.version,
            "release": found.release,
            "language": found.language,
            "manufacturer": found.manufacturer,
            "platform": found.platform,
            "productCode": found.product_code,
            "upgradeCode": found.upgrade_code,
            "packageCode": found.package_code,
        },
        "launchConditions": [dataclasses.asdict(item) for item in found.conditions],
        "properties": [dataclasses.asdict(item) for item in found.findings],
        "otherProperties": dict(found.others),
    }
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def _text(path: str, digest: str, found: Inspection) -> str:
    return "".join(f"{_printable(line)}\n" for line in _lines(path, digest, found))


def _printable(line: str) -> str:
    """Return *line* without anything that a terminal could take for an order: a package is anybody's text."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


def _lines(path: str, digest: str, found: Inspection) -> Iterator[str]:
    facts = {
        "product": found.name,
        "version": f"{found.version} ({found.release})" if found.release else found.version,
        "language": found.language,
        "manufacturer": found.manufacturer,
        "platform": found.platform,
        "product code": found.product_code,
        "upgrade code": found.upgrade_code,
        "package code": found.package_code,
        "SHA-256": f"{digest} (mediaSha256 pins it)",
    }
    yield path
    yield from (f"  {label:<20} {value or '(none)'}" for label, value in facts.items())
    if found.conditions:
        yield "setup starts only if"
    for item in found.conditions:
        yield f"  {item.condition}"
        sent = f" (mimc sends {', '.join(item.sent)})" if item.sent else ""
        yield f"    else it says: {item.message}{sent}"
    yield "what mimc may send"
    yield from (f"  {finding.name:<20} {_words(finding)}" for finding in found.findings)
    if found.others:
        yield "what the package takes besides, and mimc does not send"
    yield from (
        f"  {name:<20} {f'default {value}' if value else 'no default'}" for name, value in found.others
    )
    yield from (f"note: {note}" for note in found.notes)
    yield from (f"does not fit: {reason}" for reason in found.reasons)
    if not found.reasons:
        yield "fits: the package knows all that mimc sends"


def _words(finding: Finding) -> str:
    if not finding.known:
        return "unknown to the package"
    if finding.standard:
        return "Windows Installer's own"
    default = f"default {finding.default}" if finding.default else "no default"
    words = (default, "secure" if finding.secure else "", "hidden" if finding.hidden else "")
    return ", ".join(filter(None, words))
