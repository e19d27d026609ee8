"""Where secrets are read from: one function for each provider, in a table. What they touch comes in as arguments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

from mimc.errors import Problem, SpecError
from mimc.secret import (
    MAX_SECRET_BYTES,
    ReadSecret,
    Secret,
    SecretReference,
    UnfitSecret,
    checked_secret,
    secret_of_bytes,
)
from mimc.vault import VaultError, check_vault, is_vault, open_vault

from .load import load

#: Whole files of variables are encrypted, not passwords only.
_MAX_VAULT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended: its exit code, what it wrote (None: ``fault`` says why), and how much on stderr."""

    exit_code: int
    output: Secret | None
    fault: str
    error_bytes: int


class KeyringUnusable(Exception):
    """There is no keyring to read from; the text says why and what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class Sources:
    """What secrets are read from.

    Attributes:
        environment: the variables of this process.
        read_file: reads a file of at most so many bytes; raises OSError, UnfitSecret.
        is_exposed: whether others on this machine may read a file, and its mode can be changed.
        run: runs an argument list without a shell, in a folder, for at most so many seconds; raises OSError
            (TimeoutError: it was ended).
        ask: asks a person at the terminal, without echo; raises EOFError; None without a terminal.
        keyring: looks up a service and a user; None when there is no such entry; raises KeyringUnusable.
        note: tells the user something that is no error.
    """

    environment: Mapping[str, str]
    read_file: Callable[[PurePath, int], Secret]
    is_exposed: Callable[[PurePath], bool]
    run: Callable[[Sequence[str], PurePath, int], Finished]
    ask: Callable[[str], Secret] | None
    keyring: Callable[[str, str], Secret | None]
    note: Callable[[str], None]


def secret_reader(sources: Sources) -> ReadSecret:
    """Return what reads each reference once from *sources*, however often and in how many places it is needed.

    Paths are relative to the file that the reference stands in. What somebody has to type is asked for when the
    secret is first revealed, not when it is read.
    """
    found: dict[tuple[object, ...], Secret] = {}

    def read(reference: SecretReference) -> Secret:
        key = (_folder(reference), reference.kind, reference.name, reference.words, str(reference.password))
        if key not in found:
            found[key] = _PROVIDERS[reference.kind](sources, read, reference)
        return found[key]

    return read


def _folder(reference: SecretReference) -> PurePath:
    return PurePath(reference.position.file).parent


def _error(reference: SecretReference, text: str) -> SpecError:
    return SpecError([Problem(reference.position, text)])


def _checked(reference: SecretReference, subject: str, secret: Secret) -> Secret:
    try:
        return checked_secret(secret)
    except UnfitSecret as fault:
        raise _error(reference, f"{subject} {fault}") from None


def _env(sources: Sources, read: ReadSecret, reference: SecretReference) -> Secret:
    name = reference.name
    if not sources.environment.get(name):
        state = "empty" if name in sources.environment else "not set"
        text = f"the environment variable {name} is {state}; type: read -rs {name} && export {name}"
        raise _error(reference, text)
    return _checked(reference, f"the environment variable {name}", Secret(sources.environment[name]))


def _file(sources: Sources, read: ReadSecret, reference: SecretReference) -> Secret:
    path = _folder(reference) / reference.name
    secret = _content(sources, reference, path, MAX_SECRET_BYTES)
    if sources.is_exposed(path):
        sources.note(f"{reference.position}: others on this machine may read {path}; type: chmod 600 {path}")
    return secret


def _systemd(sources: Sources, read: ReadSecret, reference: SecretReference) -> Secret:
    folder = sources.environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        text = (
            f"the systemd credential {reference.name} is not there: CREDENTIALS_DIRECTORY is not set; give it to "
            f"the service with LoadCredential={reference.name}:PATH, or on the command line to systemd-run"
        )
        raise _error(reference, text)
    return _content(sources, reference, PurePath(folder, reference.name), MAX_SECRET_BYTES)


def _content(sources: Sources, reference: SecretReference, path: PurePath, limit_bytes: int) -> Secret:
    try:
        return sources.read_file(path, limit_bytes)
    except FileNotFoundError:
        text = (
            f"there is no file {path}, where the secret {reference} should be; create it or correct the path"
        )
    except IsADirectoryError:
        text = f"{path} is a folder; name the file in it that holds the secret {reference}"
    except OSError as error:
        text = f"cannot read {path} for the secret {reference}: {error.strerror}"
    except UnfitSecret as fault:
        text = f"the file {path} {fault}"
    raise _error(reference, text)


def _command(sources: Sources, read: ReadSecret, reference: SecretReference) -> Secret:
    name, limit_s = reference.name, reference.time_limit_s
    try:
        finished = sources.run(reference.words, _folder(reference), limit_s)
    except TimeoutError:
        text = (
            f"the command {name} did not end within {limit_s} s and was ended; timeoutSeconds gives it longer"
        )
    except FileNotFoundError:
        text = (
            f"the command {name} was not found; install it, put its folder on PATH, or write its whole path"
        )
    except OSError as error:
        text = f"the command {name} cannot be started: {error.strerror}"
    else:
        if finished.exit_code == 0 and finished.output:
            return finished.output
        text = _command_fault(name, finished)
    raise _error(reference, text)


def _command_fault(name: str, finished: Finished) -> str:
    if finished.exit_code:
        code = finished.exit_code
        end = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
        # What it wrote there may hold the secret itself: nobody is shown it.
        said = (
            f"its {finished.error_bytes} bytes of stderr are not shown"
            if finished.error_bytes
            else "silently"
        )
        return f"the command {name} {end} ({said}); run it by hand to see why"
    if finished.fault == "is empty":
        return f"the command {name} wrote nothing on stdout, where the secret should be"
    return f"the output of the command {name} {finished.fault}"


def _prompt(sources: Sources, read: ReadSecret, reference: SecretReference) -> Secret:
    ask = sources.ask
    if ask is None:
        text = f"there is no terminal to ask for '{reference.name}' on; without one write {{secret: {{env: NAME}}}}"
        raise _error(reference, text)
    return Secret.asked(partial(_answer, ask, reference))


def _answer(ask: Callable[[str], Secret], reference: SecretReference) -> Secret:
    try:
        return checked_secret(ask(reference.name))
    except EOFError:
        text = f"the question '{reference.name}' was not answered"
    except UnfitSecret as fault:
        text = f"the answer to '{reference.name}' {fault}"
    raise _error(reference, text)


def _keyring(sources: Sources, read: ReadSecret, reference: SecretReference) -> Secret:
    service, user = reference.name, reference.words[0]
    try:
        secret = sources.keyring(service, user)
    except KeyringUnusable as error:
        text = f"the secret {reference} cannot be read: {error}"
    else:
        if secret:
            return _checked(reference, f"the keyring's password of {user} for {service}", secret)
        text = f"the keyring has no password of {user} for {service}; type: keyring set '{service}' '{user}'"
    raise _error(reference, text)


def _ansible_vault(sources: Sources, read: ReadSecret, reference: SecretReference) -> Secret:
    password = reference.password
    assert password is not None
    path = _folder(reference) / reference.name
    content = _content(sources, reference, path, _MAX_VAULT_BYTES)
    # Everything that can be known without the password is looked at before anybody is asked for it.
    sealed, steps = content, reference.words
    if not is_vault(content.reveal()):
        sealed, steps = _look_up(reference, path, content), ()
        if not is_vault(sealed.reveal()):
            name = ".".join(reference.words)
            raise _error(reference, f"{path} holds {name} in clear; encrypt it: ansible-vault encrypt_string")
    try:
        check_vault(sealed.reveal())
    except VaultError as error:
        raise _error(reference, f"{path} {error}") from None
    secret = Secret.asked(lambda: _opened(read(password), reference, path, sealed, steps))
    # What is wrong is said now, with everything else, unless it takes an answer that nobody has given yet.
    read(password)
    if not reference.asks:
        secret.reveal()
    return secret


def _opened(
    password: Secret, reference: SecretReference, path: PurePath, sealed: Secret, steps: tuple[str, ...]
) -> Secret:
    try:
        content = secret_of_bytes(
            open_vault(sealed.reveal(), password), _MAX_VAULT_BYTES if steps else MAX_SECRET_BYTES
        )
    except (VaultError, UnfitSecret) as fault:
        raise _error(reference, f"{path} {fault}") from None
    value = _look_up(reference, path, content) if steps else content
    if is_vault(value.reveal()):
        raise _error(reference, f"{path} is encrypted twice; decrypt it once: ansible-vault decrypt")
    return value


def _look_up(reference: SecretReference, path: PurePath, content: Secret) -> Secret:
    """Return the value that the steps of *reference* lead to in the YAML text *content*."""
    if not reference.words:
        raise _error(reference, f"the file {path} is not encrypted as a whole; name a key in it: key: NAME")
    value, fault = _value(content, str(path), reference.words)
    if value is None:
        raise _error(reference, f"{path} {fault}")
    return _checked(reference, f"the value {'.'.join(reference.words)} in {path}", value)


def _value(content: Secret, file: str, steps: tuple[str, ...]) -> tuple[Secret | None, str]:
    # Returns what is wrong and raises nothing: what YAML says of a text quotes it, and frames hold it.
    try:
        data = load(content.reveal().encode(), file, any_tag=True).data
    except SpecError as error:
        return None, f"is not YAML that can be read, at line {error.problems[0].position.line}"
    for at, step in enumerate(steps):
        if not isinstance(data, dict) or step not in data:
            above = f", although it has {'.'.join(steps[:at])}" if at else ""
            return None, f"has no key {'.'.join(steps)}{above}"
        data = data[step]
    name = ".".join(steps)
    if not isinstance(data, str):
        return None, f"holds no text at {name}: a secret is text, numbers in quotes"
    if "{{" in data:
        return (
            None,
            f"holds a template at {name}, which only Ansible can follow; name the key that it points at",
        )
    return Secret(data.removesuffix("\n")), ""


#: The key in the spec: what reads it.
_PROVIDERS: Mapping[str, Callable[[Sources, ReadSecret, SecretReference], Secret]] = {
    "env": _env,
    "file": _file,
    "systemd": _systemd,
    "command": _command,
    "prompt": _prompt,
    "keyring": _keyring,
    "ansibleVault": _ansible_vault,
}
