"""Alerts in words: what is said, and that no text whatever breaks a line, a limit or a markup."""

import html
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notices import NASTY, RUNBOOK, START, hostile_notifications, hostile_texts, make_notice, notify

from auscult import AlertSeverity, ChangeKind, wording
from auscult.alert import Acknowledgement

HTML = wording.Markup(
    escape=lambda text: html.escape(text, quote=False),
    bold="<b>{}</b>".format,
    link=lambda text, url: f'<a href="{html.escape(url)}">{text}</a>',
    measure=wording.utf16_length,
)


@pytest.mark.parametrize(
    ("kind", "first", "says"),
    [
        (ChangeKind.FIRED, True, "[FIRING high] component_unhealthy: stt_client"),
        (ChangeKind.REMINDED, False, "[STILL FIRING high] component_unhealthy: stt_client"),
        (ChangeKind.RESOLVED, False, "[RESOLVED high] component_unhealthy: stt_client"),
        (ChangeKind.RESOLVED, True, "[FIRED AND RESOLVED high] component_unhealthy: stt_client"),
        (ChangeKind.ACKNOWLEDGED, False, "[ACKNOWLEDGED high] component_unhealthy: stt_client"),
    ],
)
def test_a_headline_says_what_happened_to_what(kind, first, says):
    """Change, severity, rule, component."""
    assert wording.headline(make_notice(kind, first=first)) == says


def test_every_change_has_a_word():
    """None is left out when one is added."""
    assert len({wording.word(make_notice(kind, first=False)) for kind in ChangeKind}) >= len(ChangeKind) - 1


def test_an_envelope_counts():
    """Open before resolved, the loudest by name."""
    notices = (
        make_notice(ChangeKind.RESOLVED, rule="a", severity=AlertSeverity.CRITICAL),
        make_notice(rule="b", severity=AlertSeverity.LOW),
        make_notice(rule="c", severity=AlertSeverity.HIGH),
    )
    assert wording.about(notify(*notices)) == "[FIRING 2, RESOLVED 1, high] c: stt_client and 2 more"
    assert [n.alert.rule for n in wording.ordered(notify(*notices))] == ["c", "b", "a"]
    assert wording.about(notify(notices[0], test=True)) == "[TEST] [FIRED AND RESOLVED critical] a: stt_client"


def test_facts_of_an_end():
    """When it began, how long it took, why it ended."""
    said = dict(wording.facts(make_notice(ChangeKind.RESOLVED, first=False)))
    assert said["Since"] == "2024-01-15 10:25:00 UTC"
    assert said["Resolved"] == "2024-01-15 10:26:30 UTC, after 1m30s (recovered)"
    assert said["Values"] == "response_time_ms 5012.5, status unhealthy"
    assert said["Labels"] == "team=voice"
    assert "Runbook" not in said


def test_facts_of_an_acknowledgement_and_what_was_never_told():
    """Who, until when, why; how many changes this notice covers."""
    taken = Acknowledgement(author="ann", at=START, until=START + 3_600_000, note="on it")
    notice = make_notice(ChangeKind.ACKNOWLEDGED, acknowledged=taken, covers=(1, 2), cause="redis", affected=("llm",))
    said = dict(wording.facts(notice))
    assert said["Acknowledged"] == "by ann until 2024-01-15 11:25:00 UTC: on it"
    assert (said["Untold until now"], said["Cause"], said["Affected"]) == ("2 earlier changes", "redis", "llm")


def test_only_web_addresses_become_links():
    """What is no web address stays a text."""
    notification = notify(make_notice(), sender="ops-eu")
    assert wording.links(notification.notices[0], notification) == [
        ("Runbook", RUNBOOK),
        ("ops-eu", "https://auscult.example.com"),
    ]
    odd = make_notice(runbook="javascript:alert(1)")
    assert wording.links(odd, notify(odd, url="")) == []
    assert dict(wording.facts(odd))["Runbook"] == "javascript:alert(1)"


def test_a_whole_message():
    """Headline, message, facts, links: as people read it in a plain text."""
    assert wording.compose(notify(make_notice(ChangeKind.RESOLVED, first=False)), 4000).splitlines() == [
        "[RESOLVED high] component_unhealthy: stt_client",
        "Component stt_client is unhealthy: Connection timeout",
        "Severity: high",
        "Component: stt_client",
        "Since: 2024-01-15 10:25:00 UTC",
        "Resolved: 2024-01-15 10:26:30 UTC, after 1m30s (recovered)",
        "Values: response_time_ms 5012.5, status unhealthy",
        "Labels: team=voice",
        f"Runbook: {RUNBOOK}",
        "auscult: https://auscult.example.com",
    ]


def test_without_a_title_the_headline_is_left_to_the_title():
    """But several notices keep theirs: they have to be told apart."""
    assert wording.compose(notify(), 4000, titled=False).startswith("Component stt_client")
    assert wording.compose(notify(make_notice(message="")), 500, titled=False).startswith("Severity")
    two = notify(make_notice(rule="a"), make_notice(rule="b"))
    assert wording.compose(two, 4000, titled=False).count("[FIRING high]") == 2


def test_details_give_way_before_alerts_do():
    """Fifty alerts are all named where a hundred details do not fit; of ten thousand as many as fit, and a count."""
    fifty = [make_notice(rule=f"rule_{number}", message="m" * 500) for number in range(50)]
    text = wording.compose(notify(*fifty), 4096)
    assert all(f"rule_{number}:" in text for number in range(50))
    many = [make_notice(rule=f"rule_{number}") for number in range(10_000)]
    text = wording.compose(notify(*many), 4096)
    lines = text.splitlines()
    assert len(text) <= 4096
    assert len(lines) > 50
    assert lines[-1] == f"… and {10_000 - len(lines) + 1} more"


@settings(deadline=None)
@given(hostile_notifications(most=6), st.integers(500, 5000))
def test_no_limit_is_exceeded_and_no_markup_breaks(notification, limit):
    """Whatever the texts are: the limit holds in the receiver's own measure, and every tag is one of ours."""
    text = wording.compose(notification, limit, HTML)
    assert 0 < wording.utf16_length(text) <= limit
    allowed = {url for notice in notification.notices for _, url in wording.links(notice, notification)}
    hrefs = [html.unescape(found) for found in re.findall(r'<a href="([^"]*)">', text)]
    assert set(hrefs) <= allowed
    rest = re.sub(r'</?b>|<a href="[^"]*">|</a>', "", text)
    assert "<" not in rest
    assert text.count("<b>") == text.count("</b>")
    assert not re.search(r"&(?!(amp|lt|gt);)", rest)
    text.encode()


@given(hostile_texts, st.integers(1, 600), st.booleans())
def test_clean_text_is_clean(text, limit, lines):
    """No control character, no turning mark, no lone surrogate, no more than asked, and one line unless asked."""
    said = wording.clean(text, limit, lines=lines)
    assert len(said) <= limit
    said.encode()
    assert {unicodedata.category(letter) for letter in said if letter != "\n"}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert not set("\u202e\u2066\u200f") & set(said)
    assert lines or "\n" not in said


@given(hostile_texts, st.integers(0, 300), st.sampled_from([len, wording.utf8_length, wording.utf16_length]))
def test_truncation_is_a_beginning_as_long_as_can_be(text, limit, measure):
    """Against trying every length."""
    said = wording.truncate(text[:400], limit, measure)
    assert measure(said) <= limit
    if measure(text[:400]) <= limit:
        assert said == text[:400]
    elif said:
        assert said.endswith("…")
        assert text.startswith(said[:-1])
        longer = text[:400][: len(said)] + "…"
        assert measure(longer) > limit or text[len(said) - 1].isspace()


def test_what_is_nasty_is_really_tried():
    """The list holds what it says: lone surrogates, directions, and text beyond every limit."""
    assert any("\ud800" in text for text in NASTY)
    assert any("\u202e" in text for text in NASTY)
    assert max(map(len, NASTY)) > 8000
