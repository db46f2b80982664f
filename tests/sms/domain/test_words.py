import pytest

from workestra.sms.domain.words import Keyword, keyword_in, with_opt_out


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        *(
            (word, Keyword.STOP)
            for word in ["STOP", "StopAll", "unsubscribe", "cancel", "END", "quit", "revoke", "optout"]
        ),
        *((word, Keyword.START) for word in ["START", "yes", "Unstop"]),
        *((word, Keyword.HELP) for word in ["HELP", "info"]),
        (" stop.\n", Keyword.STOP),
        ("STOP PLEASE", None),
        ("please cancel", None),
        ("", None),
        ("stopp", None),
    ],
)
def test_only_a_message_of_one_word_asks_for_something(text: str, keyword: Keyword | None) -> None:
    assert keyword_in(text) is keyword


def test_how_to_opt_out_is_said_once() -> None:
    assert with_opt_out("See you. ") == "See you. Reply STOP to opt out."
    assert with_opt_out("See you. STOP ends these.") == "See you. STOP ends these."
    assert with_opt_out("Non-stop fun") == "Non-stop fun Reply STOP to opt out."
