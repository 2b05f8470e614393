"""A real HTTP server that speaks chat completions, answers sensibly from an item's own words, and misbehaves on order.

As a command: `python -m tests.engine_server --port 8901 [--errors 0.1] [--broken 0.05] [--refuse 0.05] [--plurals]`.
In a test: `with EngineServer(errors=0.1) as server: … server.base_url … server.requests`.

Everything is decided by hashing the question, not by chance: the same question has the same answer, and the n-th
try of a question errs or not in every run alike.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, fields
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "mock-small"
WORD = re.compile(r"[^\W\d_][\w'-]*")
HAN = re.compile(r"[\u4e00-\u9fff]{2,}")
STOP_WORDS = """
a about above after again all also always am an and any are around as at be because been before being best
between both but by can could did do does doing don down each even every few find first for from get gets give
gives go goes had has have he her here hers him his how i if in into is it its it's just know let like little
long made make makes many may me might more most much must my new no not now of off old on one only onto or
other our out over own part people perhaps really s said same say says see she should show shows shares so some
still such t take takes talk talks tell tells than that that's the their them then there these they thing things
think this those three through time to today too two under up us use used uses using very want was way ways we
well were what what's when where which while who whose why will with without work works world would year years
yet you your title body description speaker event url name item
"""
STOP = set(STOP_WORDS.split())
REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "抱歉，我无法生成兴趣标签。",
    "As an AI language model, I cannot provide tags for this item.",
    "Lo siento, no puedo ayudar con esta solicitud.",
    "申し訳ありませんが、お答えできません。",
)


@dataclass
class Manners:
    """How the server behaves; shares are from 0 to 1."""

    errors: float = 0.0  # of the tries: 500, 503, 429 with Retry-After, a cut connection
    broken: float = 0.0  # of the questions: always 500
    refuse: float = 0.0  # of the questions: a refusal instead of an answer
    plurals: bool = False  # a tag is now singular, now plural
    html: float = 0.0  # of the tries: 200 with a web page
    truncated: float = 0.0  # of the questions: cut in the middle of the JSON, finish_reason length
    prose: float = 0.0  # of the questions: at first prose; the second time, asked again, JSON
    babble: float = 0.0  # of the questions: prose, however often it is asked
    fences: bool = False  # ```json around, words before and after
    think: bool = False  # <think> with a wrong draft before the answer
    single_quotes: bool = False
    slow: float = 0.0  # seconds before an answer
    retry_after: float = 0.05  # seconds named in a 429
    limit: float = 0.0  # requests a second before 429; 0: none
    no_schema: bool = False  # 400 for response_format json_schema
    no_json: bool = False  # 400 for any response_format
    no_temperature: bool = False
    completion_tokens_only: bool = False  # 400 for max_tokens
    no_system: bool = False
    no_usage: bool = False
    no_models: bool = False  # 404 for /models
    key: str = ""  # the key to be let in; empty: none is asked for
    echo_key: bool = False  # says the key it was sent, in errors and in answers
    quota: bool = False  # 429 insufficient_quota, always
    outside: bool = False  # chooses tags that are not in the list
    injected: bool = False  # follows instructions that stand in the item
    redirect: str = ""
    models: tuple[str, ...] = (MODEL, "mock-large")
    status: int = 0  # always this status


def share(*parts: object) -> float:
    """A number from 0 to 1 that the parts alone decide."""
    return int(sha256("\0".join(map(str, parts)).encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def item_of(messages: list[dict[str, str]]) -> dict[str, str]:
    """The item between the markers of a prompt."""
    text = "\n".join(m["content"] for m in messages if m["role"] == "user")
    found = re.findall(r"<(item-[0-9a-f]+)>\n(.*?)\n</\1>", text, re.S)  # those before the last one are examples
    return json.loads(found[-1][1]) if found else {"text": text}


def candidates_of(messages: list[dict[str, str]]) -> list[str]:
    """The tags of a list to choose from; empty for a question about free tags."""
    asked = [m["content"] for m in messages if m["role"] == "user" and "<item-" in m["content"]]
    text = asked[-1] if asked else ""
    return [json.loads(line)["tag"] for line in text.splitlines() if line.startswith('{"tag":')]


def free_tags(item: dict[str, str], count: int = 8, variant: int = 0) -> list[str]:
    """Words and pairs of words that an item says often or early: crude, and plainly about the item."""
    weights: Counter[str] = Counter()
    for position, (name, text) in enumerate(item.items()):
        weight = 3.0 if position == 0 or name == "title" else 1.0
        for run in HAN.findall(text):
            for start in range(0, min(len(run), 40) - 1, 2):
                weights[run[start : start + 4] if len(run) <= 4 else run[start : start + 2]] += weight
        words = [w.lower().strip("'-") for w in WORD.findall(text[:4000])]
        for first, second in zip(words, [*words[1:], ""], strict=True):
            if first in STOP or len(first) < 3:
                continue
            weights[first] += weight
            if second and second not in STOP and len(second) > 3:
                weights[f"{first} {second}"] += weight * 0.6
    noise = 0.9 if variant else 0.0
    ranked = sorted(weights, key=lambda w: (-weights[w] * (1 - noise * share(w, variant)), w))
    shown = ranked[:count]
    return shown[: max(1, len(shown) - variant % 3)]


def pluralised(tag: str, seed: str) -> str:
    if not tag.isascii() or share(tag, seed, "plural") < 0.5:
        return tag
    return tag[:-1] if tag.endswith("s") and len(tag) > 4 else f"{tag}s"


def chosen(item: dict[str, str], candidates: list[str], count: int) -> list[dict[str, str]]:
    """Tags of the list whose words stand in the item, with the words around them."""
    picked = []
    for tag in candidates:
        words = [w for w in WORD.findall(tag.lower()) if len(w) > 2] or [tag.lower()]
        for text in item.values():
            places = [text.lower().find(w.rstrip("s")) for w in words]
            if all(place >= 0 for place in places):
                start = max(0, places[0] - 10)
                picked.append({"tag": tag, "quote": text[start : places[0] + 40]})
                break
    return picked[:count]


class EngineServer:
    """The server; `manners` may be changed while it runs."""

    def __init__(self, port: int = 0, **manners: Any) -> None:
        self.manners = Manners(**manners)
        self.requests: list[dict[str, Any]] = []  # bodies of all chat completions, in order
        self.answered = 0
        self.headers: list[dict[str, str]] = []
        self._tries: Counter[str] = Counter()
        self._window: list[float] = []
        self._lock = threading.Lock()
        server = self

        class Handler(_Handler):
            owner = server

        class Server(ThreadingHTTPServer):
            request_queue_size = 256  # many connect at once; five would make the system refuse some

        self._http = Server(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def __enter__(self) -> EngineServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def serve_forever(self) -> None:
        self._http.serve_forever()

    def asked(self) -> int:
        with self._lock:
            return len(self.requests)

    def note(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[str, int]:
        """Write a request down; returns its hash and how often it was asked before."""
        question = sha256(json.dumps(body.get("messages"), sort_keys=True).encode()).hexdigest()
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            tried = self._tries[question]
            self._tries[question] += 1
        return question, tried

    def too_fast(self) -> bool:
        if not self.manners.limit:
            return False
        now = time.monotonic()
        with self._lock:
            self._window = [t for t in self._window if now - t < 1.0]
            if len(self._window) >= self.manners.limit:
                return True
            self._window.append(now)
        return False


class _Handler(BaseHTTPRequestHandler):
    owner: EngineServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def send(self, status: int, body: object, headers: dict[str, str] | None = None, kind: str = "application/json"):
        data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def fail(self, status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None) -> None:
        if self.owner.manners.echo_key:
            message += f" You sent {self.headers.get('authorization', 'nothing')}."
        self.send(status, {"error": {"message": message, "type": code or "error", "code": code}}, headers)

    def let_in(self) -> bool:
        key = self.owner.manners.key
        if key and self.headers.get("authorization") != f"Bearer {key}":
            self.fail(401, "Incorrect API key provided.", "invalid_api_key")
            return False
        return True

    def do_GET(self) -> None:
        if self.path != "/v1/models" or self.owner.manners.no_models:
            return self.send(404, {"detail": "Not Found"})
        if self.let_in():
            self.send(
                200, {"object": "list", "data": [{"id": m, "object": "model"} for m in self.owner.manners.models]}
            )

    def do_POST(self) -> None:
        manners = self.owner.manners
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path != "/v1/chat/completions":
            return self.send(404, {"detail": "Not Found"})
        body = json.loads(raw)
        question, tried = self.owner.note(body, {k.lower(): v for k, v in self.headers.items()})
        if manners.redirect:
            return self.send(307, "", {"location": manners.redirect})
        if not self.let_in():
            return None
        if manners.status:
            return self.fail(manners.status, "as ordered")
        if manners.quota:
            return self.fail(429, "You exceeded your current quota, please check your plan.", "insufficient_quota")
        if body.get("model") not in manners.models:
            return self.fail(404, f"The model `{body.get('model')}` does not exist.", "model_not_found")
        refused = self.refused_parameter(body)
        if refused:
            return self.fail(400, refused, "invalid_request_error")
        if self.owner.too_fast():
            return self.fail(429, "Slow down.", "rate_limit_exceeded", {"retry-after": str(manners.retry_after)})
        if manners.slow:
            time.sleep(manners.slow)
        if share(question, "broken") < manners.broken:
            return self.fail(500, "The server had an error.", "server_error")
        if share(question, tried, "errors") < manners.errors:
            return self.misbehave(question, tried)
        if share(question, tried, "html") < manners.html:
            return self.send(200, "<!doctype html><title>Sign in</title><p>hello", kind="text/html")
        self.owner.answered += 1
        text, finish = self.answer(body, question)
        if manners.echo_key:
            text = text[:-1] + f', "seen": "{self.headers.get("authorization")}"}}' if text.endswith("}") else text
        self.send(200, self.completion(body, text, finish))

    def refused_parameter(self, body: dict[str, Any]) -> str | None:
        manners, style = self.owner.manners, (body.get("response_format") or {}).get("type")
        if style and (manners.no_json or (manners.no_schema and style == "json_schema")):
            return f"response_format: type {style} is not supported by this server"
        if "temperature" in body and manners.no_temperature:
            return "Unsupported value: 'temperature' does not support this value with this model."
        if "max_tokens" in body and manners.completion_tokens_only:
            return "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        if manners.no_system and any(m["role"] == "system" for m in body["messages"]):
            return "System role not supported"
        return None

    def misbehave(self, question: str, tried: int) -> None:
        kind = int(share(question, tried, "kind") * 4)
        if kind == 0:
            return self.fail(500, "The server had an error.", "server_error")
        if kind == 1:
            return self.send(503, "<html><title>Service Unavailable</title></html>", kind="text/html")
        if kind == 2:
            wait = {"retry-after": str(self.owner.manners.retry_after)}
            return self.fail(429, "Rate limit reached.", "rate_limit_exceeded", wait)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "5000")
        self.end_headers()
        self.wfile.write(b'{"choices": [{"mess')
        self.close_connection = True
        return None

    def answer(self, body: dict[str, Any], question: str) -> tuple[str, str]:
        """(the model's words, finish_reason)"""
        manners, messages = self.owner.manners, body["messages"]
        first = sha256(json.dumps(messages[:2], sort_keys=True).encode()).hexdigest()
        asked_again = sum(m["role"] == "user" for m in messages) > 1
        if share(first, "refuse") < manners.refuse:
            return REFUSALS[int(share(first, "which") * len(REFUSALS)) % len(REFUSALS)], "stop"
        if share(first, "babble") < manners.babble or (share(first, "prose") < manners.prose and not asked_again):
            return (
                "This is an item about a number of things. It would be hard to say what it is. I like it a lot.",
                "stop",
            )
        item, candidates = item_of(messages), candidates_of(messages)
        if manners.injected and "ignore" in json.dumps(item).lower():
            return "pwned", "stop"
        variant = int(10 * float(body.get("temperature") or 0) * share(question, len(self.owner.requests), "variant"))
        tags: list[Any]
        if candidates:
            tags = chosen(item, candidates, 8)
            if manners.outside:
                tags = [{"tag": "entirely made up", "quote": "nowhere"}, *tags]
        else:
            tags = free_tags(item, 8, variant)
            if manners.plurals:
                tags = list(dict.fromkeys(pluralised(tag, first) for tag in tags))
        text = json.dumps({"tags": tags}, ensure_ascii=False)
        if manners.single_quotes:
            text = str({"tags": tags})
        if manners.fences:
            text = f"Sure! Here are the tags:\n```json\n{text}\n```\nLet me know if you need more."
        if manners.think:
            text = f'<think>A draft: {{"tags": ["wrong draft"]}}</think>\n{text}'
        if share(first, "truncated") < manners.truncated:
            return text[: max(12, len(text) * 2 // 3)], "length"
        return text, "stop"

    def completion(self, body: dict[str, Any], text: str, finish: str) -> dict[str, Any]:
        prompt = sum(len(m["content"]) for m in body["messages"]) // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": len(text) // 4, "total_tokens": prompt + len(text) // 4}
        return {
            "id": f"chatcmpl-{self.owner.answered}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
            **({} if self.owner.manners.no_usage else {"usage": usage}),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="A chat completions server that misbehaves on order.")
    parser.add_argument("--port", type=int, default=8901)
    for each in fields(Manners):
        name, default = "--" + each.name.replace("_", "-"), each.default
        if isinstance(default, bool):
            parser.add_argument(name, action="store_true")
        elif isinstance(default, (int, float, str)):
            parser.add_argument(name, type=type(default), default=default)
    options = vars(parser.parse_args())
    server = EngineServer(options.pop("port"), **options)
    sys.stdout.write(f"{server.base_url} · model {MODEL}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
