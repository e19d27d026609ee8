"""Wine, for the tests of a real installer engine: a prefix of its own, and what can be asked of it.

Wine is not Windows. Half of its programs are stubs that end with 0 whatever they are told, so only reg, sc and
msiexec are asked, and only for content. Its output never goes into a pipe: its desktop helper would hold it open.
"""

import os
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "wine"
COMPILER = "x86_64-w64-mingw32-gcc-win32"
TOOLS = ("wine", "wineserver", "wixl", "msibuild", COMPILER)
PRODUCT = "Microsoft Identity Manager Synchronization Service"
SERVICE = "FIMSynchronizationService"
PARAMETERS = rf"HKLM\SYSTEM\CurrentControlSet\Services\{SERVICE}\Parameters"
UPGRADE_CODE = "8C2E6A0D-51B4-4C39-A1C6-0E4D7B9F2A10"
#: What one command of Wine may take on a machine under load.
_TIME_LIMIT_S = 120
_SERVICE_ENDS_S = 15


def missing() -> str:
    """Return the reason for which Wine's tests cannot run, or nothing."""
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"not installed: {', '.join(absent)}" if absent else ""


def compile_program(source: str, target: Path, *options: str) -> None:
    """Compile *source* of tests/wine to the Windows program *target*."""
    command = [COMPILER, "-Os", "-s", "-Wall", "-Werror", "-o", str(target), str(SOURCES / source), *options]
    subprocess.run(command, check=True, timeout=_TIME_LIMIT_S)


def build_package(
    target: Path,
    variables: Mapping[str, str] | None = None,
    source: Path = SOURCES / "sync.wxs",
    service: Path = SOURCES / "miiserver.c",
) -> Path:
    """Build *target* from *source* with wixl, and return it; *variables* over the usual ones.

    Unless the package is to be installed, any file is good enough as its *service*.
    """
    usual = {"NAME": PRODUCT, "VERSION": "4.6.34.0", "PRODUCT_CODE": str(uuid.uuid4()).upper()}
    # wixl looks for a file where it runs, and nowhere else.
    defined = usual | {"UPGRADE_CODE": UPGRADE_CODE, "SERVICE": service.name} | dict(variables or {})
    options = [part for name, value in defined.items() for part in ("-D", f"{name}={value}")]
    subprocess.run(
        ["wixl", "-a", "x64", *options, "-o", target.absolute(), source],
        check=True,
        timeout=_TIME_LIMIT_S,
        cwd=service.parent,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    return target


def change_package(package: Path, *statements: str) -> None:
    """Run SQL *statements* on a package: wixl knows less than half of what a package may have."""
    for statement in statements:
        subprocess.run(["msibuild", package, "-q", statement], check=True, timeout=_TIME_LIMIT_S)


@dataclass(frozen=True)
class Prefix:
    """A Windows of Wine's in *folder*, where *home* is everybody's home. It weighs 700 MB."""

    folder: Path
    home: Path

    @property
    def drive(self) -> Path:
        """The folder that is C: inside."""
        return self.folder / "drive_c"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process inside; nothing of ours gets in but the path."""
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.home),
            "WINEPREFIX": str(self.folder),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree=d;mshtml=d",
        }

    def start(self) -> None:
        """Make the prefix, with the program setup.exe in it."""
        self.wine("wineboot", "--init")
        # Until it has come to rest once, it starts no service.
        self.server("-w")
        assert (self.drive / "windows" / "system32" / "msi.dll").is_file(), "wineboot made no Windows"
        compile_program("setup.c", self.drive / "setup.exe", "-municode", "-lmsi")

    def wine(self, *arguments: str | Path) -> None:
        """Run a program inside and wait for it; what it says and how it ends is nobody's business."""
        subprocess.run(
            ["wine", *arguments],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIME_LIMIT_S,
            check=False,
        )

    def server(self, option: str) -> None:
        """Tell this prefix's wineserver to end (-k) or wait until it has (-w)."""
        subprocess.run(["wineserver", option], env=self.environment, timeout=_TIME_LIMIT_S, check=False)

    def install(self, package: Path, properties: str, log: Path | None = None) -> int:
        """Install as the module's installing process does, by msi.dll, and return the whole exit code."""
        return self._order(windows(package), windows(log) if log else r"C:\setup.log", properties)

    def execute(self, line: str) -> int:
        """Run a command line word for word and return its whole exit code."""
        return self._order("", "", line)

    def _order(self, package: str, log: str, text: str) -> int:
        order = self.drive / "order.txt"
        answer = Path(f"{order}.code")
        answer.unlink(missing_ok=True)
        order.write_bytes(f"{package}\n{log}\n{text}".encode("utf-16"))
        self.wine(r"C:\setup.exe", r"C:\order.txt")
        return int(answer.read_text("ascii"))

    def registry(self, key: str) -> dict[str, str] | None:
        """Return the text values of a key (those of other types as they are exported), None when there is none."""
        export = self.drive / "export.reg"
        export.unlink(missing_ok=True)
        self.wine("reg", "export", key, r"C:\export.reg", "/y")
        if not export.is_file():
            return None
        text = export.read_bytes().decode("utf-16")
        # Only the key itself: its subkeys follow, each under its own name in brackets.
        own = text.split("\n[", 2)[1]
        return {
            _unescaped(name): _unescaped(value[1:-1]) if value.startswith('"') else value
            for name, value in re.findall(r'^"((?:[^"\\]|\\.)*)"=(.*?)\r?$', own, re.MULTILINE | re.DOTALL)
        }

    def service_state(self) -> str:
        """Return the state of the stand-in's service as sc says it, '' when there is no such service."""
        self.execute(rf"cmd /c sc query {SERVICE} > C:\sc.txt")
        found = re.search(r"STATE\s*:\s*[0-9]+\s+(\w+)", (self.drive / "sc.txt").read_text("utf-8"))
        return found[1] if found else ""

    def uninstall_entry(self, product_code: str) -> Mapping[str, str] | None:
        """Return what the product left among the installed programs."""
        return self.registry(rf"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\{{{product_code}}}")

    def left_behind(self, product_code: str) -> list[str]:
        """Return what is there of the stand-in: files, registry, service."""
        found = [str(path.relative_to(self.drive)) for path in self.drive.rglob("miiserver.exe")]
        found += [PARAMETERS] if self.registry(PARAMETERS) is not None else []
        found += ["uninstall entry"] if self.uninstall_entry(product_code) is not None else []
        # A service goes when its process has ended, which may be a moment after setup has.
        until = time.monotonic() + _SERVICE_ENDS_S
        while (state := self.service_state()) and time.monotonic() < until:
            time.sleep(0.5)
        return found + ([SERVICE] if state else [])


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def windows(path: Path) -> str:
    """Return a path of ours as Wine's programs see it."""
    return "Z:" + str(path.absolute()).replace("/", "\\")
