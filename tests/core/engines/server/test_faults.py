"""What servers say when they fail, and what is made of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.answers.envelope import read_envelope
from core.engines.server.faults import (
    headers_say,
    judge_body,
    judge_connection,
    judge_status,
    reset_in,
    retry_after,
    said_by,
)

URL = "http://localhost:8000/v1"
ALL = frozenset({"response_format", "token_limit", "temperature", "system_role"})


def judge(status, body="", headers=None, sent=ALL):
    return judge_status(status, headers or {}, body, URL, "small", sent)


@pytest.mark.parametrize(
    ("status", "body", "action", "kind"),
    [
        (401, '{"error": {"message": "no"}}', "fatal", "key"),
        (403, "", "fatal", "key"),
        (402, "", "fatal", "quota"),
        (429, '{"error": {"code": "insufficient_quota", "message": "x"}}', "fatal", "quota"),
        (429, '{"error": {"message": "slow down"}}', "pause", "rate_limit"),
        (404, '{"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}', "fatal", "model"),
        (404, '{"detail": "Not Found"}', "fatal", "address"),
        (404, "<html><title>404</title></html>", "fatal", "address"),
        (400, '{"error": "model not found: small"}', "fatal", "model"),
        (400, '{"error": {"message": "This model\'s maximum context length is 4096 tokens"}}', "shorten", "too_long"),
        (413, "", "shorten", "too_long"),
        (429, "Request too large for m on tokens per min (TPM): Limit 10000, Requested 20000.", "shorten", "too_long"),
        (400, '{"error": {"code": "content_filter", "message": "filtered"}}', "fail", "refused"),
        (400, '{"error": {"message": "something else"}}', "fail", "request"),
        (500, "", "retry", "server"),
        (503, "<title>Busy</title>", "retry", "server"),
        (408, "", "retry", "server"),
        (307, "", "fatal", "address"),
    ],
)
def test_statuses(status, body, action, kind):
    found = judge(status, body)
    assert (found.action, found.fault.kind) == (action, kind)
    assert found.fault.message.endswith((".", "”.", "”")) and found.fault.fatal == (action == "fatal")
    assert found.fault.remedy or action in ("pause", "fail")


@pytest.mark.parametrize(
    ("status", "body", "change"),
    [
        (400, "'response_format.type' must be 'json_schema' or 'text'", "response_format"),
        (500, "Input should be 'text' or 'json_object'", "response_format"),
        (400, "Unsupported parameter: 'max_tokens' is not supported with this model.", "token_limit"),
        (422, '{"detail": "Unexpected fields: temperature"}', "temperature"),
        (400, '{"error": {"message": "System role not supported"}}', "system_role"),
    ],
)
def test_complaints_about_a_parameter_are_negotiated_only_when_it_was_sent(status, body, change):
    assert (judge(status, body).action, judge(status, body).change) == ("negotiate", change)
    assert judge(status, body, sent=frozenset()).action != "negotiate"


def test_waiting_as_the_server_asks():
    assert retry_after({"retry-after": "7"}) == 7 and retry_after({"retry-after-ms": "250"}) == 0.25
    assert retry_after({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"}, 1795168800) == pytest.approx(30, abs=1)
    assert retry_after({"retry-after": "soon"}) is None and retry_after({}) is None
    assert retry_after({"retry-after": "-5"}) == 0 and retry_after({"retry-after": "nan"}) is None
    assert judge(429, headers={"retry-after": "12"}).pause == 12
    long = judge(429, headers={"retry-after": "3600"})
    assert long.action == "fatal" and "60 minutes" in long.fault.message


@pytest.mark.parametrize(
    ("words", "context", "fits"),
    [
        (
            "This model's maximum context length is 4096 tokens. However, your messages resulted in 5120 tokens.",
            4096,
            0.8,
        ),
        ("Requested tokens (5120) exceed context window of 2048", 2048, 0.4),
        ("the request exceeds the available context size. n_ctx = 4096, prompt 8192 tokens", 4096, 0.5),
        ("prompt is too long: 250000 tokens > 200000 maximum", 200000, 0.8),
        ("Request too large for m on tokens per min (TPM): Limit 10000, Requested 20000.", None, 0.5),
        ("too many tokens", None, None),
    ],
)
def test_how_much_too_long_is_read_from_the_servers_words(words, context, fits):
    found = judge(400, json.dumps({"error": {"message": words}}))
    assert (found.action, found.context, found.fits) == ("shorten", context, fits)


def test_pictures_that_are_not_taken_end_the_run_and_only_where_some_were_sent():
    body = '{"error": {"message": "Invalid content type. image_url is only supported by certain models."}}'
    assert judge_status(400, {}, body, URL, "small", ALL, images=True).fault.kind == "modality"
    assert judge_status(400, {}, body, URL, "small", ALL).fault.kind != "modality"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("6m0s", 360), ("350ms", 0.35), ("1h2m3.5s", 3723.5), ("1.5", 1.5), ("1795168830", 30), ("inf", None), ("", None)],
)
def test_reset_headers_of_every_kind(value, seconds):
    assert reset_in(value, 1795168800) == (seconds if seconds is None else pytest.approx(seconds))
    assert reset_in("2026-11-20T10:00:30Z", 1795168800) == pytest.approx(30)


def test_a_limit_that_is_nearly_used_up_is_waited_for():
    left = {"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "2s"}
    assert headers_say(left, 4, 100) == 2 and headers_say(left, 3, 100) is None and headers_say({}, 99, 99) is None
    tokens = {"x-ratelimit-remaining-tokens": "350", "x-ratelimit-reset-tokens": "500ms"}
    assert headers_say({**left, **tokens}, 4, 100) == 2 and headers_say(tokens, 4, 100) == 0.5


def test_a_200_that_is_no_answer():
    assert judge_body("<!DOCTYPE html><title>Log in</title>", URL).fault.kind == "address"
    assert "upstream" in judge_body('{"error": {"message": "upstream gone"}}', URL).fault.message
    assert judge_body('{"choices": [{"mes', URL).action == "retry"
    assert judge_connection(URL, "connect", "[SSL: CERTIFICATE_VERIFY_FAILED]").fault.remedy.count("SSL_CERT_FILE")


@given(
    st.integers(100, 599),
    st.text(max_size=200),
    st.dictionaries(st.sampled_from(["retry-after", "location"]), st.text(max_size=20)),
)
def test_no_answer_breaks_the_judge(status, body, headers):
    found = judge_status(status, headers, body, URL, "m", ALL)
    assert found.action in ("retry", "pause", "negotiate", "shorten", "fail", "fatal") and found.fault.message
    judge_body(body, URL)
    said_by(body)


@pytest.mark.parametrize(
    ("raw", "usable", "text"),
    [
        ('{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}', True, "a"),
        ('{"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"text": "b"}]}}]}', True, "ab"),
        ('{"choices": [{"message": {"content": null, "refusal": "no"}}]}', True, ""),
        ('{"choices": [{"message": {"content": null, "reasoning": "hm"}}]}', True, ""),
        ('{"choices": [{"text": "old"}]}', True, "old"),
        ('{"choices": []}', False, ""),
        ('{"choices": null, "error": "x"}', False, ""),
        ("[1]", False, ""),
        ("", False, ""),
        ('"text"', False, ""),
    ],
)
def test_envelopes(raw, usable, text):
    found = read_envelope(raw)
    assert (found.usable, found.text) == (usable, text)


@given(st.text(max_size=300))
def test_no_body_breaks_the_envelope(raw):
    read_envelope(raw)


def test_usage_is_believed_only_when_it_makes_sense():
    found = read_envelope(
        '{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 5, "completion_tokens": "x"}}'
    )
    assert (found.prompt_tokens, found.completion_tokens) == (5, None)
