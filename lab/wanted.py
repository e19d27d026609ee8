"""What a document wants of a MimSyncService, and how the simulated module says that it cannot have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mimc.resources import SYNC_SERVICE, Rule
from mimc.resources.compare import DEFAULT_INSTANCES
from mimc.state import Verdict


class ResourceFailed(Exception):
    """Test or Set threw; the text is what the LCM reports."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One MimSyncService of a document: plain values, an account is its name; no password is in here.

    ``undecrypted`` names the credentials whose password came as the text of a CMS message.
    """

    values: Mapping[str, object]
    undecrypted: tuple[str, ...] = ()

    def text(self, name: str, default: str = "") -> str:
        """Return the property *name* as text."""
        value = self.values.get(name)
        return default if value is None else str(value)

    @property
    def sql_instance(self) -> str:
        """The name of the SQL instance, "" for the default one."""
        name = self.text("SqlInstance")
        return "" if name.lower() in DEFAULT_INSTANCES else name

    def accounts(self) -> list[str]:
        """Return the names of accounts and groups, as the document writes them."""
        return [
            str(value)
            for name, value in self.values.items()
            if SYNC_SERVICE.property(name).rule is Rule.ACCOUNT
        ]


def described(wrong: Sequence[Verdict]) -> str:
    """Return what differs, as the module says it."""
    return "; ".join(
        f"{item.property} should be '{item.desired}' and is '{item.actual}'"
        + (f" ({item.reason})" if item.reason else "")
        for item in wrong
    )
