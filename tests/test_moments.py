"""CIM datetimes: in from ISO 8601, out to .NET."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.moments import cim_datetime, dotnet_interval, dotnet_moment

MOMENTS = st.builds(
    lambda at, offset: at.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=offset))),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-840, 840),
)
INTERVALS = st.builds(
    lambda days, hours, minutes, seconds, fraction: (
        f"{days:08}{hours:02}{minutes:02}{seconds:02}.{fraction:06}:000"
    ),
    *(st.integers(0, most) for most in (10_675_198, 23, 59, 59, 999_999)),
)


def moment_of(text: str) -> datetime:
    """The moment that CIM text means, told without the code under test."""
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    at = datetime(int(text[:4]), month, day, hour, minute, second, int(text[15:21]))
    return (at - timedelta(minutes=int(text[21:]))).replace(tzinfo=UTC)


@given(MOMENTS)
def test_iso_text_becomes_cim_text_of_the_same_moment_and_offset(moment: datetime) -> None:
    text = cim_datetime(moment.isoformat())
    assert len(text) == 25
    assert moment_of(text) == moment
    offset = moment.utcoffset()
    assert offset is not None
    assert int(text[21:]) * 60 == offset.total_seconds()
    assert cim_datetime(text) == text
    again = dotnet_moment(text)
    assert again and datetime.fromisoformat(again) == moment


@given(INTERVALS)
def test_an_interval_stays_what_it_is(text: str) -> None:
    assert cim_datetime(text) == text
    assert dotnet_moment(text) is None
    days, _, rest = dotnet_interval(text).partition(".")
    assert f"{int(days):08}{rest.replace(':', '')}:000" == text
