import pytest

from managed_events.domain.slugs import BadPattern, check_pattern, slug_for


@pytest.mark.parametrize(
    "pattern", ["{username}-{template}", "{template}-{username}", "{username}", "eu-{username}-x"]
)
def test_a_pattern_with_the_username_is_accepted(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "Put {username} in"),
        ("{template}", "Put {username} in"),
        ("{username}-{team}", "{team} is not known"),
        ("{username}-{}", "{} is not known"),
        ("{username}--{template}", "single dashes"),
        ("{username}-", "single dashes"),
        ("{username}_{template}", "single dashes"),
        ("{Username}-{username}", "{Username} is not known"),
        ("{username}/x", "single dashes"),
        ("{{username}}", "single dashes"),
        ("{username} call", "single dashes"),
    ],
)
def test_a_pattern_that_makes_no_addresses_says_why(pattern: str, words: str) -> None:
    with pytest.raises(BadPattern, match=words):
        check_pattern(pattern)


def test_the_pattern_gives_each_person_an_address() -> None:
    assert (
        slug_for("{username}-{template}", username="alice", template="discovery-call")
        == "alice-discovery-call"
    )


def test_a_long_address_is_cut_and_never_ends_in_a_dash() -> None:
    slug = slug_for("{username}-{template}", username="a" * 39, template="b" * 39 + "-c")
    assert len(slug) == 79
    assert slug_for("{username}-{template}", username="a" * 40, template="b" * 38 + "-c").endswith("b")
