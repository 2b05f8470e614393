"""What went wrong with a call, why, and what to do about it: one table for every way in which servers fail.

Actions: "retry" (count an attempt, wait a little), "pause" (everybody waits; counts no attempt), "negotiate" (send
the same question in a form that this server takes), "fail" (this call only), "fatal" (no call can succeed: stop).
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from core.engines.calls import EngineFault
from core.engines.endpoints import host_of, with_version
from core.engines.envelope import error_text

LONGEST_PAUSE = 600.0  # a server that asks for more is left alone; the run is resumed later
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing|credit balance|payment required", re.I)
_MODEL = re.compile(r"model", re.I)
_MISSING = re.compile(r"not[ _]found|does not exist|not exist|no such|unknown|not available|not loaded|invalid", re.I)
_CONTEXT = re.compile(r"context[ _](length|window|size)|maximum context|too many tokens|prompt is too long", re.I)
_FILTER = re.compile(r"content[ _](filter|policy|management)|safety system|responsible ai", re.I)
# parameters that a server may not take; the words it complains with → what to change
NEGOTIABLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("response_format", re.compile(r"response_format|json_schema|json_object|json mode|structured|grammar", re.I)),
    ("token_limit", re.compile(r"max_tokens|max_completion_tokens", re.I)),
    ("temperature", re.compile(r"temperature", re.I)),
    ("system_role", re.compile(r"system (role|message|prompt)|role.{0,20}system|roles must alternate", re.I)),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fault and what to do. `pause`: seconds for everybody; `change`: what to negotiate."""

    action: str
    fault: EngineFault
    pause: float | None = None
    change: str | None = None


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


def judge_status(
    status: int, headers: Mapping[str, str], body: str, base_url: str, model: str, sent: frozenset[str] = frozenset()
) -> Verdict:
    """What an error status means.

    Args:
        sent: which negotiable parameters the request carried (names of NEGOTIABLE).
    """
    words, code = said_by(body)
    told = f" It said: “{words}”." if words else ""
    where = host_of(base_url)
    text = f"{words} {code}"
    if status in (400, 404, 415, 422, 500, 501):
        for change, pattern in NEGOTIABLE:
            if change in sent and pattern.search(text):
                return Verdict(
                    "negotiate", EngineFault("parameter", f"{where} does not take {change}.{told}"), change=change
                )
    if status == 402 or (status in (403, 429) and _QUOTA.search(text)):
        return _fatal("quota", f"The account at {where} has no credit left.{told}", "Top it up, then resume.")
    if status == 429:
        pause = retry_after(headers)
        if pause is not None and pause > LONGEST_PAUSE:
            minutes = round(pause / 60)
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
    if status == 413 or _CONTEXT.search(text):
        message = f"The item is too long for the model's context.{told}"
        return Verdict("fail", EngineFault("too_long", message, "Use a model with more context."))
    if status == 400 and _MODEL.search(text) and _MISSING.search(text):
        return _missing(text, told, base_url, model)
    if status in (408, 409) or status >= 500:
        busy = retry_after(headers) if status in (503, 529) else None
        fault = EngineFault("server", f"{where} answered {status}.{told}", "Resume tries again.")
        return Verdict("retry", fault, pause=min(busy, LONGEST_PAUSE) if busy is not None else None)
    fault = EngineFault("request", f"{where} refused the request ({status}).{told}", "Check the model's settings.")
    return Verdict("fail", fault)


def _missing(text: str, told: str, base_url: str, model: str) -> Verdict:
    where = host_of(base_url)
    if _MODEL.search(text) and _MISSING.search(text):
        return _fatal("model", f"{where} has no model “{model}”.{told}", "Choose one of its models in Settings.")
    better = with_version(base_url)
    remedy = f"Did you mean {better}?" if better else "Check the address: it usually ends in /v1."
    return _fatal("address", f"Nothing answers chat completions at {base_url} (404).{told}", remedy)


def judge_body(body: str, base_url: str) -> Verdict:
    """What a 200 means that holds no answer: an error in disguise, a web page, a cut-off body."""
    where = host_of(base_url)
    words, code = said_by(body)
    start = body.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html")):
        message = f"{where} answered with a web page{f' titled “{words[:80]}”' if words else ''}, not with an answer."
        fault = EngineFault("address", message, "Check the address, and whether a proxy or login stands in between.")
        return Verdict("retry", fault)
    if code or (words and start.startswith("{")):
        fault = EngineFault("server", f"{where} answered with an error: “{words or code}”.", "Resume tries again.")
        return Verdict("retry", fault)
    message = f"{where} sent an answer that is cut off or no chat completion."
    return Verdict("retry", EngineFault("server", message, "Resume tries again."))


def judge_connection(base_url: str, kind: str, detail: str) -> Verdict:
    """What a failed connection means. `kind`: "connect" (nobody there), "timeout" or "broken" (cut off)."""
    where = host_of(base_url)
    if kind == "connect":
        tls = "certificate" in detail.lower() or "ssl" in detail.lower()
        remedy = (
            "Its certificate is not trusted here: set SSL_CERT_FILE, or use http:// on your own network."
            if tls
            else "Is the server running, and is the address right? Then resume."
        )
        what = "has no connection that can be trusted" if tls else "cannot be reached"
        return Verdict("retry", EngineFault("unreachable", f"{where} {what}.", remedy))
    if kind == "timeout":
        return Verdict("retry", EngineFault("timeout", f"{where} did not answer in time.", "Resume tries again."))
    return Verdict("retry", EngineFault("connection", f"{where} cut the connection.", "Resume tries again."))


def _fatal(kind: str, message: str, remedy: str) -> Verdict:
    return Verdict("fatal", EngineFault(kind, message, remedy, retriable=False, fatal=True))
