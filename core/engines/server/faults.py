"""What went wrong with a call, why, and what to do about it: one table for every way in which servers fail.

Actions: "retry" (count an attempt, wait a little), "pause" (everybody waits; counts no attempt), "negotiate" (send
the same question in a form that this server takes), "shorten" (send less of the item), "fail" (this call only), "fatal"
(no call can succeed: stop).
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from core.engines.answers.envelope import error_text
from core.engines.calls import EngineFault
from core.engines.connecting.endpoints import host_of, with_version

LONGEST_PAUSE = 600.0  # a server that asks for more is left alone; the run is resumed later
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing|credit balance|payment required", re.I)
_MODEL = re.compile(r"model", re.I)
_MISSING = re.compile(r"not[ _]found|does not exist|not exist|no such|unknown|not available|not loaded|invalid", re.I)
_CONTEXT = re.compile(
    r"context[ _-]?(length|window|size)|maximum context|too many tokens|prompt is too long|input is too long"
    r"|request too large|exceeds? .{0,40}(context|token limit)|n_ctx",
    re.I,
)
_FILTER = re.compile(r"content[ _](filter|policy|management)|safety system|responsible ai", re.I)
_MODALITY = re.compile(
    r"(image|vision|multi-?modal|modality|image_url).{0,80}(not (support|allow|accept|avail)|unsupport|invalid|cannot)"
    r"|(not (support|accept)|unsupport|does ?n.t (support|accept)|cannot).{0,60}(image|vision|multi-?modal|modality)"
    r"|(image|vision|multi-?modal).{0,60}only supported by|only supports? text|text[- ]only|no vision|mmproj"
    r"|not a multimodal model",
    re.I,
)
_LIMITS = re.compile(
    r"(?:maximum context length|context (?:length|window|size)|n_ctx|maximum|limit|at most|up to)\D{0,40}?(\d{3,8})",
    re.I,
)
_NUMBER = re.compile(r"\d{3,8}")
# parameters that a server may not take; the words it complains with → what to change
NEGOTIABLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("thinking", re.compile(r"chat_template_kwargs|enable_thinking|reasoning[_ ]effort|think", re.I)),
    ("frequency_penalty", re.compile(r"frequency_penalty|penalty", re.I)),
    (
        "response_format",
        re.compile(
            r"response_format|json_schema|json_object|json mode|structured|grammar|\bschema\b|\bstrict\b"
            r"|maxItems|maxLength|additionalProperties",
            re.I,
        ),
    ),
    ("token_limit", re.compile(r"max_tokens|max_completion_tokens", re.I)),
    ("temperature", re.compile(r"temperature", re.I)),
    ("system_role", re.compile(r"system (role|message|prompt)|role.{0,20}system|roles must alternate", re.I)),
)
OVERLOADED = (502, 503, 504, 529)
RETRIES = {"server": 5, "body": 2, "timeout": 2, "slow": 1, "connection": 3, "unreachable": 5}
"""How often a request is tried again, by what went wrong."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fault and what to do.

    Attributes:
        pause: seconds for everybody.
        change: what to negotiate.
        retries: how often this is tried again.
        outage: the server itself is in trouble: counts towards leaving it alone.
        holds: no question is given up for this: once tries are used up, everybody waits until it is over.
        stale: a connection that had been idle was closed: asked again at once.
        billed: "yes", "no" or "unknown".
        context: tokens that the model can take, where the server said so.
        fits: the share of the question that it would take, where it can be told from what it said.
        status: HTTP status, where there was one.
    """

    action: str
    fault: EngineFault
    pause: float | None = None
    change: str | None = None
    retries: int = RETRIES["server"]
    outage: bool = False
    holds: bool = False
    stale: bool = False
    billed: str = "no"
    context: int | None = None
    fits: float | None = None
    status: int | None = None


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a server asks to wait, by any of the headers in use; None where it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = (headers.get(name) or "").strip()
        if not value:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            parsed = email.utils.parsedate_tz(value)
            if parsed is None:
                continue
            seconds = email.utils.mktime_tz(parsed) - (time.time() if now is None else now)
        if seconds == seconds and seconds < 1e9:
            return max(0.0, seconds)
    return None


def said_by(body: str) -> tuple[str, str]:
    """(what the server said in words, its error code) of an error's body; HTML gives its title."""
    try:
        data = orjson.loads(body.encode("utf-8", "replace"))
    except (orjson.JSONDecodeError, RecursionError):
        title = re.search(r"<title>(.*?)</title>", body, re.I | re.S)
        return " ".join((title.group(1) if title else re.sub(r"<[^>]*>", " ", body)).split())[:300], ""
    inner = data.get("error") if isinstance(data, dict) else None
    code = ""
    if isinstance(inner, dict):
        code = " ".join(str(inner.get(name)) for name in ("code", "type") if inner.get(name))
    return (error_text(data) or "")[:300], code


def reset_in(value: str, now: float | None = None) -> float | None:
    """Seconds of a reset header: "6m0s", "350ms", "1.5", a time since the epoch, an ISO or HTTP date."""
    text = value.strip().lower()
    with contextlib.suppress(ValueError):
        number = float(text)
        if not 0 <= number < 1e12:
            return None
        return number if number < 1e9 else max(0.0, number - (time.time() if now is None else now))
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[dhms])", text)
    if parts and "".join(f"{n}{unit}" for n, unit in parts) == text:
        units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
        return sum(float(n) * units[unit] for n, unit in parts)
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, datetime.fromisoformat(value.strip()).timestamp() - (time.time() if now is None else now))
    return None


def headers_say(headers: Mapping[str, str], under_way: int, tokens: int) -> float | None:
    """Seconds until the server's own limit is full again, where less of it is left than is under way.

    Args:
        headers: of any answer, names in lower case.
        under_way: requests that may be counted still.
        tokens: that one of them takes, about.
    """
    waits = []
    for what, needed in (("requests", under_way), ("tokens", under_way * tokens)):
        left = headers.get(f"x-ratelimit-remaining-{what}")
        if left is None:
            continue
        with contextlib.suppress(ValueError):
            reset = reset_in(headers.get(f"x-ratelimit-reset-{what}") or "")
            if float(left) < needed and reset is not None:
                waits.append(reset)
    return max(waits, default=None)


def judge_status(
    status: int,
    headers: Mapping[str, str],
    body: str,
    base_url: str,
    model: str,
    sent: frozenset[str] = frozenset(),
    longest_pause: float = LONGEST_PAUSE,
    images: bool = False,
) -> Verdict:
    """What an error status means.

    Args:
        sent: which negotiable parameters the request carried (names of NEGOTIABLE).
        longest_pause: seconds that a server may ask to wait.
        images: the request carried pictures.
    """
    verdict = _judge_status(status, headers, body, base_url, model, sent, longest_pause, images)
    return replace(verdict, status=status)


def _judge_status(
    status: int,
    headers: Mapping[str, str],
    body: str,
    base_url: str,
    model: str,
    sent: frozenset[str],
    longest_pause: float,
    images: bool,
) -> Verdict:
    words, code = said_by(body)
    told = f" It said: “{words}”." if words else ""
    where = host_of(base_url)
    text = f"{words} {code}"
    if status == 413 or (status in (400, 422, 429, 500) and _CONTEXT.search(text)):
        return _too_long(text, told)
    if images and status in (400, 404, 415, 422, 500, 501) and _MODALITY.search(text):
        message = f"{model} at {where} takes no pictures.{told}"
        return _fatal("modality", message, "Choose a model that sees, in Settings.")
    if status in (400, 404, 415, 422, 500, 501):
        for change, pattern in NEGOTIABLE:
            if change in sent and pattern.search(text):
                message = f"{where} does not take {change}.{told}"
                return Verdict("negotiate", EngineFault("parameter", message), change=change)
    if status == 402 or (status in (403, 429) and _QUOTA.search(text)):
        return _fatal("quota", f"The account at {where} has no credit left.{told}", "Top it up, then resume.")
    if status == 429:
        pause = retry_after(headers)
        if pause is not None and pause > longest_pause:
            minutes = max(1, round(pause / 60))
            message = f"{where} asks to wait {minutes} minutes before the next request.{told}"
            return _fatal("rate_limit", message, "Resume the job then; what is answered is kept.")
        return Verdict("pause", EngineFault("rate_limit", f"{where} asked for fewer requests.{told}"), pause=pause)
    if status == 401:
        return _fatal("key", f"{where} refused the key (401).{told}", "Give the right key in Settings, then resume.")
    if status == 403:
        message = f"{where} does not allow this (403).{told}"
        return _fatal("key", message, "Check what the key and the account are allowed to do, then resume.")
    if 300 <= status < 400:
        target = headers.get("location", "")
        return _fatal(
            "address", f"{where} sends the request on to {target[:200] or 'another place'}.", "Use that address itself."
        )
    if status in (404, 405, 410):
        return _missing(text, told, base_url, model)
    if status == 400 and _FILTER.search(text):
        return Verdict("fail", EngineFault("refused", f"{where} refused the content.{told}", retriable=False))
    if status == 400 and _MODEL.search(text) and _MISSING.search(text):
        return _missing(text, told, base_url, model)
    if status in (408, 409) or status >= 500:
        fault = EngineFault("server", f"{where} answered {status}.{told}", "Resume tries again.")
        busy = retry_after(headers) if status in OVERLOADED else None
        return Verdict(
            "retry",
            fault,
            pause=min(busy, longest_pause) if busy is not None else None,
            outage=status in OVERLOADED,
            billed="no" if status in (409, 503, 529) else "unknown",
        )
    fault = EngineFault("request", f"{where} refused the request ({status}).{told}", "Check the model's settings.")
    return Verdict("fail", fault)


def _too_long(text: str, told: str) -> Verdict:
    """The question is longer than the model can read: how much can it, and how much was it sent?"""
    numbers = sorted(n for n in map(int, _NUMBER.findall(text)) if n >= 128)
    named = [int(n) for n in _LIMITS.findall(text) if int(n) >= 128]
    limit = min(named) if named else numbers[0] if len(numbers) > 1 else None
    asked = numbers[-1] if limit is not None and numbers[-1] > limit else None
    context = limit if re.search(r"context|n_ctx|prompt", text, re.I) else None
    message = f"The item is too long for the model's context.{told}"
    fault = EngineFault("too_long", message, "Use a model with more context.")
    return Verdict("shorten", fault, context=context, fits=limit / asked if limit and asked else None)


def _missing(text: str, told: str, base_url: str, model: str) -> Verdict:
    where = host_of(base_url)
    if _MODEL.search(text) and _MISSING.search(text):
        return _fatal("model", f"{where} has no model “{model}”.{told}", "Choose one of its models in Settings.")
    better = with_version(base_url)
    remedy = f"Did you mean {better}?" if better else "Check the address: it usually ends in /v1."
    return _fatal("address", f"Nothing answers chat completions at {base_url} (404).{told}", remedy)


def judge_body(body: str, base_url: str, model: str = "") -> Verdict:
    """What a 200 means that holds no answer: an error in disguise, a web page, a cut-off body."""
    where = host_of(base_url)
    words, code = said_by(body)
    start = body.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html")):
        message = f"{where} answered with a web page{f' titled “{words[:80]}”' if words else ''}, not with an answer."
        fault = EngineFault("address", message, "Check the address, and whether a proxy or login stands in between.")
        return Verdict("retry", fault, retries=RETRIES["body"], outage=True, holds=True, status=200)
    whole = read_object(body) is not None
    if whole and (code or words):
        status = _status_of(code)
        if status is not None:  # a proxy that hands on what went wrong behind it
            verdict = judge_status(status, {}, body, base_url, model)
            if verdict.action in ("pause", "fatal", "shorten") or verdict.fault.kind == "refused":
                return replace(verdict, status=200)
        fault = EngineFault("server", f"{where} answered with an error: “{words or code}”.", "Resume tries again.")
        return Verdict("retry", fault, retries=RETRIES["body"], status=200)
    message = f"{where} sent an answer that is cut off or no chat completion."
    fault = EngineFault("server", message, "Resume tries again.")
    return Verdict("retry", fault, retries=RETRIES["body"], billed="no" if whole else "unknown", status=200)


_CODES = {
    "insufficient_quota": 402,
    "rate_limit_exceeded": 429,
    "rate_limit": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "content_filter": 400,
}


def _status_of(code: str) -> int | None:
    for part in code.split():
        if part.isdigit() and 400 <= int(part) < 600:
            return int(part)
        if part.lower() in _CODES:
            return _CODES[part.lower()]
    return None


def read_object(body: str) -> dict[str, object] | None:
    """A body's JSON object, where it is one."""
    try:
        data = orjson.loads(body.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        try:
            data = json.loads(body)  # takes halves of characters, which orjson refuses
        except (ValueError, RecursionError):
            return None
    return data if isinstance(data, dict) else None


def judge_connection(base_url: str, kind: str, detail: str) -> Verdict:
    """What a failed connection means.

    Args:
        kind: "connect" (nobody there), "timeout" (nothing came in time), "slow" (not all came in time), "stale" (closed
            before anything was answered) or "broken" (cut off).
    """
    where = host_of(base_url)
    if kind == "connect":
        tls = "certificate" in detail.lower() or "ssl" in detail.lower()
        remedy = (
            "Its certificate is not trusted here: set SSL_CERT_FILE, or use http:// on your own network."
            if tls
            else "Is the server running, and is the address right? Then resume."
        )
        what = "has no connection that can be trusted" if tls else "cannot be reached"
        fault = EngineFault("unreachable", f"{where} {what}.", remedy)
        return Verdict("retry", fault, retries=RETRIES["unreachable"], outage=True, holds=True)
    if kind in ("timeout", "slow"):
        fault = EngineFault("timeout", f"{where} did not answer in time.", "Resume tries again.")
        return Verdict("retry", fault, retries=RETRIES[kind], billed="unknown")
    fault = EngineFault("connection", f"{where} cut the connection.", "Resume tries again.")
    stale = kind == "stale"
    billed = "no" if stale else "unknown"
    return Verdict("retry", fault, retries=RETRIES["connection"], stale=stale, billed=billed)


def _fatal(kind: str, message: str, remedy: str) -> Verdict:
    return Verdict("fatal", EngineFault(kind, message, remedy, retriable=False, fatal=True))
