"""The way to one node: a session at a time, a time limit over all of them, and what to do when one breaks."""

from collections.abc import Callable, Mapping
from typing import Any

from mimc.errors import AuthenticationRefused, DeadlinePassed, Unreachable

from .session import Session, SessionLost, Traffic
from .target import Target

#: Sessions tried for one script.
ATTEMPTS = 3
FIRST_PAUSE_S, _LONGEST_PAUSE_S, _RECONNECT_PAUSE_S = 1.0, 5.0, 3.0


class Connection:
    """Sends scripts to *target*, in a session that is opened when the first one is sent.

    Args:
        open_session: makes a new session.
        clock, sleep: monotonic seconds.
        progress: told what is being done, one sentence a call.
    """

    def __init__(
        self,
        target: Target,
        open_session: Callable[[], Session],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        progress: Callable[[str], None],
    ) -> None:
        #: Whether the node may be enacting; it goes on when the time limit passes.
        self.enacting = False
        self._target, self._open_session = target, open_session
        self._clock, self._sleep, self._progress = clock, sleep, progress
        self._session: Session | None = None
        self._reached = False
        self._spent = Traffic()
        self.begin()

    @property
    def traffic(self) -> Traffic:
        """What all sessions have cost so far."""
        return self._spent + (self._session.traffic if self._session else Traffic())

    def begin(self) -> None:
        """Let the time limit of the target start anew."""
        self._began = self._clock()
        self._deadline = self._began + self._target.time_limit_s

    def allow(self, seconds: float) -> None:
        """Move the end of the time limit so that at least *seconds* are left."""
        self._deadline = max(self._deadline, self._clock() + seconds)

    def close(self) -> None:
        """End the session, if there is one."""
        session, self._session = self._session, None
        if session:
            session.close()
            self._spent += session.traffic

    def run(
        self,
        script: str,
        parameters: Mapping[str, object],
        before_again: Callable[[], object] | None = None,
    ) -> dict[str, Any]:
        """Send a script that may be sent twice; after a lost connection again, in a new session.

        *before_again* is called before that. A node that was never reached is not tried again.
        """
        attempts = 0
        while True:
            try:
                return self.send(script, parameters, f"{script}.ps1 was under way")
            except Unreachable as error:
                if isinstance(error, AuthenticationRefused) or not self._reached:
                    raise
                self.drop()
                attempts += 1
                if attempts == ATTEMPTS:
                    raise
                self._progress(f"{self._target.name}: {error.reason}; connecting again")
                if not isinstance(error, SessionLost):
                    self.pause(_RECONNECT_PAUSE_S, f"{script}.ps1 was under way")
                if before_again:
                    before_again()

    def insist(self, script: str, parameters: Mapping[str, object], waited_for: str) -> dict[str, Any]:
        """Send a script that may be sent again and again; a node that is away is tried until the time limit."""
        while True:
            try:
                return self.send(script, parameters, waited_for)
            except AuthenticationRefused:
                raise
            except Unreachable as error:
                self.drop()
                self._progress(f"{self._target.name}: {error.reason}; looking again")
                self.pause(_RECONNECT_PAUSE_S, waited_for)

    def send(
        self,
        script: str,
        parameters: Mapping[str, object],
        waited_for: str,
        leaving: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """Send a script once; *leaving* is called when nothing more can keep it here."""
        session, left_s = self._open(), self._left_s(waited_for)
        if leaving:
            leaving()
        try:
            return session.run(script, parameters, left_s)
        except DeadlinePassed:
            raise self._deadline_passed(waited_for) from None

    def drop(self) -> None:
        """Forget a session that is lost; nothing is sent over it any more."""
        session, self._session = self._session, None
        if session:
            self._spent += session.traffic

    def pause(self, pause_s: float, waited_for: str) -> float:
        """Sleep, within the time limit, and return how long to sleep next time."""
        self._sleep(min(pause_s, self._left_s(waited_for)))
        self._left_s(waited_for)
        return min(pause_s * 1.5, _LONGEST_PAUSE_S)

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._open_session()
            self._reached = True
        return self._session

    def _left_s(self, waited_for: str) -> float:
        left_s = self._deadline - self._clock()
        if left_s > 0:
            return left_s
        raise self._deadline_passed(waited_for)

    def _deadline_passed(self, waited_for: str) -> DeadlinePassed:
        name = self._target.name
        if self.enacting:
            goes_on = "the node goes on by itself, and its document stays there"
            step = f"look again with: mimc drift --target {name}; the next mimc apply tidies up"
        else:
            goes_on = "nothing was being enacted"
            step = "try again, or give the target more timeLimitSeconds in the spec"
        limit = f"the time limit of {self._deadline - self._began:.0f} s passed while {waited_for}"
        return DeadlinePassed(name, f"{limit}; {goes_on}", step)
