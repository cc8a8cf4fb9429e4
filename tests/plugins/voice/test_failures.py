"""Refusals in the documented shapes of many vendors become the right sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult_plugins._voice.failures import Cause, classify, classify_error, retry_after

NOW = 1_767_225_600_000


def openai(code=None, kind="invalid_request_error", message="It says why."):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind):
    return {"type": "error", "error": {"type": kind, "message": "It says why."}, "request_id": "req_1"}


def eleven(status):
    return {"detail": {"status": status, "message": "It says why."}}


SHAPES = [
    (401, openai("invalid_api_key"), Cause.KEY),
    (401, openai("account_deactivated"), Cause.KEY),
    (401, openai(None), Cause.KEY),
    (429, openai("insufficient_quota", "insufficient_quota"), Cause.MONEY),
    (429, openai("credit_balance_exhausted"), Cause.MONEY),
    (429, openai("billing_hard_limit_reached"), Cause.MONEY),
    (429, openai("billing_not_active"), Cause.MONEY),
    (403, openai("project_spend_limit_exceeded"), Cause.MONEY),
    (429, openai("organization_spend_limit_exceeded"), Cause.MONEY),
    (429, openai("rate_limit_exceeded", "requests"), Cause.THROTTLED),
    (503, openai("server_overloaded", "server_error"), Cause.OVERLOADED),
    (500, openai(None, "server_error"), Cause.SERVER),
    (404, openai("model_not_found"), Cause.MODEL),
    (404, openai(None), Cause.ADDRESS),
    (400, openai(None), Cause.REQUEST),
    (401, anthropic("authentication_error"), Cause.KEY),
    (402, anthropic("billing_error"), Cause.MONEY),
    (403, anthropic("permission_error"), Cause.KEY),
    (404, anthropic("not_found_error"), Cause.MODEL),
    (413, anthropic("request_too_large"), Cause.REQUEST),
    (429, anthropic("rate_limit_error"), Cause.THROTTLED),
    (500, anthropic("api_error"), Cause.SERVER),
    (504, anthropic("timeout_error"), Cause.SERVER),
    (529, anthropic("overloaded_error"), Cause.OVERLOADED),
    (401, eleven("invalid_api_key"), Cause.KEY),
    (401, eleven("quota_exceeded"), Cause.MONEY),
    (429, eleven("too_many_concurrent_requests"), Cause.THROTTLED),
    (429, eleven("system_busy"), Cause.OVERLOADED),
    (404, eleven("voice_not_found"), Cause.MODEL),
    (401, {"err_code": "INVALID_AUTH", "err_msg": "It says why.", "request_id": "r"}, Cause.KEY),
    (402, {"err_code": "ASR_PAYMENT_REQUIRED", "err_msg": "It says why.", "request_id": "r"}, Cause.MONEY),
    (403, {"category": "INSUFFICIENT_PERMISSIONS", "message": "It says why.", "details": "x"}, Cause.KEY),
    (401, {"error": "It says why."}, Cause.KEY),
    (404, {"detail": "It says why."}, Cause.ADDRESS),
    (422, {"detail": [{"loc": ["body"], "msg": "It says why.", "type": "missing"}]}, Cause.REQUEST),
    (500, {"detail": {"error": "processing_error", "message": "It says why.", "type": "server_error"}}, Cause.SERVER),
    (401, {"title": "It says why.", "error_code": "unauthorized", "status_code": 401}, Cause.KEY),
    (429, "It says why.", Cause.THROTTLED),
    (418, {"unheard": "of"}, Cause.UNCLASSIFIED),
]


@pytest.mark.parametrize(("status", "body", "cause"), SHAPES)
def test_each_documented_shape_has_its_cause(status, body, cause):
    """Status and code together decide: a 429 is three incidents, and out of money may come as a 401."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    failure = classify(status, {}, data, now_ms=NOW)
    assert failure.cause is cause
    if "It says why." in str(body):
        assert failure.said == "It says why."


@pytest.mark.parametrize(
    ("cause", "who"),
    [(Cause.KEY, "you"), (Cause.MONEY, "you"), (Cause.THROTTLED, "you"), (Cause.OVERLOADED, "the vendor"),
     (Cause.MODEL, "you"), (Cause.ADDRESS, "you"), (Cause.SERVER, "the vendor")],
)  # fmt: skip
def test_the_sentence_says_who_must_act(cause, who):
    """The person who is woken up reads first whether it is theirs to mend."""
    status, body = next((status, body) for status, body, of in SHAPES if of is cause)
    sentence = classify(status, {}, json.dumps(body).encode(), now_ms=NOW).sentence("api.example.com")
    assert sentence.startswith("api.example.com: ")
    assert f"{who} must act" in sentence
    assert str(status) in sentence


def test_a_throttled_answer_says_how_long_to_wait():
    """Retry-After is shown, from seconds, from milliseconds and from a date."""
    body = json.dumps(openai("rate_limit_exceeded", "requests")).encode()
    sentence = classify(429, {"retry-after": "20"}, body, now_ms=NOW).sentence("x")
    assert "wait 20 s" in sentence
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}, now_ms=NOW) == 1.5
    assert retry_after({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}, now_ms=NOW) == 30
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, now_ms=NOW) == 0
    for nonsense in ("soon", "-1", "nan", "inf", "", "99999999999999999999 GMT"):
        assert retry_after({"retry-after": nonsense}, now_ms=NOW) is None


def test_a_request_id_is_kept_for_the_vendors_support():
    """It is quoted where the vendor must act, and left out where it helps nobody."""
    headers = {"x-request-id": "req_42"}
    assert "req_42" in classify(500, headers, b"", now_ms=NOW).sentence("x")
    assert "req_42" not in classify(401, headers, b"", now_ms=NOW).sentence("x")


def test_a_page_of_html_is_not_quoted():
    """A proxy's error page would drown the sentence."""
    failure = classify(502, {"content-type": "text/html"}, b"<html><h1>Bad gateway</h1>", now_ms=NOW)
    assert (failure.cause, failure.said) == (Cause.SERVER, "")


def test_a_redirect_names_where_to():
    """Redirects are not followed: the address is wrong, and the right one is said."""
    failure = classify(301, {"location": "https://example.com/v1"}, b"", now_ms=NOW)
    assert failure.cause is Cause.ADDRESS
    assert "https://example.com/v1" in failure.said


def test_an_error_inside_a_stream_is_classified_by_its_code():
    """There is no status beside it."""
    assert classify_error(openai("server_overloaded")).cause is Cause.OVERLOADED
    assert classify_error({"error": {"message": "boom"}}).cause is Cause.UNCLASSIFIED
    assert classify_error({"error": "boom"}).said == "boom"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "detail", "code", "type", "message", "status", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.integers(300, 599), _JSON | st.binary(max_size=40))
def test_no_body_breaks_the_classifier(status, body):
    """Whatever a vendor or something in between sends, there is a sentence."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sentence = classify(status, {}, data, now_ms=NOW).sentence("x")
    assert sentence.startswith("x: ")
    assert len(sentence) < 600
