"""What becomes of a booking."""

import pytest

from bookings.domain.lifecycle import BookingClosed, Change, State, after, allows
from bookings.models import Booking


def test_the_states_are_those_of_the_rows() -> None:
    assert set(State) == set(Booking.Status.values)


@pytest.mark.parametrize("has_begun", [False, True])
def test_only_a_confirmed_booking_changes_and_each_change_has_its_time(has_begun: bool) -> None:
    until = {
        Change.CANCEL: State.CANCELLED,
        Change.MOVE: State.RESCHEDULED,
        Change.REASSIGN: State.CONFIRMED,
        Change.OFFER: State.CONFIRMED,
        Change.RENEW_LINK: State.CONFIRMED,
        Change.RECONFIRM: State.CONFIRMED,
    }
    expected = {Change.MARK: State.CONFIRMED} if has_begun else until
    for state in State:
        for change in Change:
            if state is State.CONFIRMED and change in expected:
                assert allows(state, change, has_begun=has_begun)
                assert after(state, change, has_begun=has_begun) is expected[change]
            else:
                assert not allows(state, change, has_begun=has_begun)
                with pytest.raises(BookingClosed):
                    after(state, change, has_begun=has_begun)
