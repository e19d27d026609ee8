"""What a node says of itself is data: another shape ends in an error that says so, never in a wrong verdict."""

from typing import Any

import pytest

from mimc.pusher.lcm import parse_job, parse_lcm
from mimc.state import StateError, parse_state


def state(**changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "node": {"computerName": "CORPSYNC", "fqdn": "corpsync.contoso.com", "sqlAliases": {}},
        "sids": {"Contoso\\MIMSync": "S-1-5-21-1-2-3-1105", "contoso\\nobody": None},
        "properties": {"Ensure": {"value": "Absent"}},
        "facts": {},
        **changes,
    }


def test_a_sid_is_text_or_null() -> None:
    parsed = parse_state(state())
    assert parsed.sids == {"contoso\\mimsync": "S-1-5-21-1-2-3-1105", "contoso\\nobody": None}
    assert not parsed.installed


@pytest.mark.parametrize("sid", [{}, [], 7, False])
def test_a_sid_that_windows_powershell_wrote_as_something_else_is_refused(sid: object) -> None:
    with pytest.raises(StateError, match=r"no SID for contoso\\nobody"):
        parse_state(state(sids={"contoso\\nobody": sid}))


def test_a_state_that_does_not_say_whether_the_product_is_there_is_refused() -> None:
    with pytest.raises(StateError, match="Ensure"):
        parse_state(state(properties={"SqlServer": {"value": "corpsql"}}))


@pytest.mark.parametrize("properties", [{"Ensure": None}, {"Ensure": []}, {"Ensure": "Present"}, None, 7])
def test_properties_of_another_shape_are_refused(properties: object) -> None:
    with pytest.raises(StateError):
        parse_state(state(properties=properties))


@pytest.mark.parametrize("value", [None, {}])
def test_a_job_without_a_record_is_none_however_windows_powershell_writes_it(value: object) -> None:
    assert parse_job(value) is None


def test_settings_of_an_lcm_are_values_that_a_meta_document_can_put_back() -> None:
    lcm = parse_lcm(
        {
            "state": "Idle",
            "settings": {"DebugMode": ["NONE"], "RefreshFrequencyMins": 30, "RebootNodeIfNeeded": False},
            "managers": ["ReportManagers"],
        }
    )
    assert lcm.settings == {"DebugMode": ("NONE",), "RefreshFrequencyMins": 30, "RebootNodeIfNeeded": False}
    assert lcm.managers == ("ReportManagers",)
