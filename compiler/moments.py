"""Points in time and intervals: ISO 8601 or CIM text to CIM text, CIM text to what .NET reads.

CIM (reference/dsc-mof.md 1.3): ``yyyymmddHHMMSS.mmmmmm+UUU`` with the offset from UTC in minutes, or an interval
``DDDDDDDDHHMMSS.MMMMMM:000``. .NET bounds both: offsets end at 14 hours, intervals at 10675198 days.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

DATETIME = "a date and time with its zone, such as 2026-01-02T03:04:05Z or +02:00"
_MAX_OFFSET = timedelta(hours=14)
_MAX_DAYS = 10_675_198
_ISO = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(?P<zone>[Zz]|[-+][0-9]{2}:[0-9]{2})?)?"
)
_CIM = re.compile(r"([0-9]{14}\.[0-9]{6})([-+][0-9]{3})")
_INTERVAL = re.compile(r"([0-9]{8})([0-9]{2})([0-9]{2})([0-9]{2})\.([0-9]{6}):000")


class BadMoment(ValueError):
    """A text is no moment and no interval; the text of the error is a hint to go after the message, or empty."""


def cim_datetime(text: str) -> str:
    """Return *text* in CIM form.

    Raises:
        BadMoment: neither ISO 8601 with a zone nor CIM, or not in the calendar.
    """
    if match := _ISO.fullmatch(text):
        return _cim(_from_iso(match))
    if match := _CIM.fullmatch(text):
        offset = timedelta(minutes=int(match[2]))
        day, time = match[1][:8], match[1][8:]
        return _cim(_moment(f"{day}T{time}").replace(tzinfo=_zone(offset)))
    if match := _INTERVAL.fullmatch(text):
        days, hours, minutes, seconds, _ = map(int, match.groups())
        if days > _MAX_DAYS or hours > 23 or minutes > 59 or seconds > 59:
            raise BadMoment(f"; an interval has at most {_MAX_DAYS} days, 23 hours, 59 minutes and seconds")
        return text
    raise BadMoment


def dotnet_moment(text: str) -> str | None:
    """Return the point in time that CIM *text* means as .NET's DateTimeOffset reads it; None for an interval."""
    if _INTERVAL.fullmatch(text):
        return None
    offset = int(text[21:])
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    date, time = f"{text[:4]}-{text[4:6]}-{text[6:8]}", f"{text[8:10]}:{text[10:12]}:{text[12:21]}"
    return f"{date}T{time}{sign}{minutes // 60:02}:{minutes % 60:02}"


def dotnet_interval(text: str) -> str:
    """Return the interval that CIM *text* means as .NET's TimeSpan reads it."""
    return f"{int(text[:8])}.{text[8:10]}:{text[10:12]}:{text[12:21]}"


def _from_iso(match: re.Match[str]) -> datetime:
    if match["time"] is None or match["zone"] is None:
        missing = "time" if match["time"] is None else "zone"
        raise BadMoment(
            f"; it has no {missing}" + ("" if missing == "time" else ", and this machine's is not the node's")
        )
    return _moment(f"{match['date']}T{match['time']}{match['zone'].upper()}")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise BadMoment("; no calendar has such a day, or no clock such a time") from None


def _zone(offset: timedelta) -> timezone:
    if abs(offset) > _MAX_OFFSET:
        raise BadMoment("; a zone is at most 14 hours from UTC")
    return timezone(offset)


def _cim(moment: datetime) -> str:
    offset = moment.utcoffset() or timedelta(0)
    _zone(offset)
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise BadMoment("; in UTC it is outside of the years 1 to 9999") from None
    minutes = int(offset.total_seconds()) // 60
    # By hand: strftime does not pad years below 1000 everywhere.
    return (
        f"{moment.year:04}{moment.month:02}{moment.day:02}{moment.hour:02}{moment.minute:02}{moment.second:02}"
        f".{moment.microsecond:06}{minutes:+04}"
    )
