"""The engine server with /v1/files and /v1/batches, over real HTTP: what is handed in together is answered by the same
model as a plain question, when the test says so.

A batch goes on with every look at it: validating → in_progress → finalizing → completed, or as `batches` orders.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.engine_server import EngineServer, _Handler, share

MOST_LINES = 50_000
MOST_BYTES = 200 * 1024 * 1024


@dataclass
class BatchManners:
    """How batches fare; shares are from 0 to 1 of the lines."""

    looks: int = 3  # at a batch, until it is over
    hold: bool = False  # nothing goes on until this is False again
    expire: float = 0.0  # expires with this share unanswered, the first time a line is handed in
    line_errors: float = 0.0  # 500 for these lines, the first time they are handed in
    refused_lines: float = 0.0  # 400 content_filter for these lines, always
    no_schema: bool = False  # 400 for every line that asks for json_schema
    token_limit: int = 0  # more lines than this waiting at once: the batch fails
    most_lines: int = MOST_LINES
    most_bytes: int = MOST_BYTES
    cut_create: bool = False  # takes the batch, and cuts the connection before it says so
    cut_upload: bool = False
    no_lists: bool = False  # 404 for the lists of files and batches
    no_batches: bool = False
    lose_output: bool = False  # 404 for the output's content
    shuffled: bool = True


@dataclass
class Batch:
    id: str
    file: str
    metadata: dict[str, str]
    status: str = "validating"
    looks: int = 0
    output: str | None = None
    errors: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    trouble: dict[str, Any] | None = None


class BatchServer(EngineServer):
    """The server; `batch_manners` may be changed while it runs.

    Attributes:
        handed_in: lines of all batches that were created (not of files that were only uploaded).
        answered_in_batches: lines that were answered: what would be billed.
    """

    def __init__(self, port: int = 0, **manners: Any) -> None:
        super().__init__(port, **manners)
        self.batch_manners = BatchManners()
        self.files: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, Batch] = {}
        self.handed_in: list[str] = []
        self.answered_in_batches: list[str] = []
        self.cancelled: list[str] = []
        self.steps = threading.Lock()
        server = self

        class Handler(_BatchHandler):
            owner = server

        self._http.RequestHandlerClass = Handler

    def keep(self, name: str, content: bytes) -> str:
        file_id = f"file-{len(self.files):04d}"
        self.files[file_id] = (name, content)
        return file_id

    def lines(self, file_id: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[file_id][1].splitlines() if line.strip()]


class _BatchHandler(_Handler):
    owner: BatchServer

    def do_GET(self) -> None:
        if not self.path.startswith(("/v1/files", "/v1/batches")):
            return super().do_GET()
        if not self.let_in():
            return None
        with self.owner.steps:
            return self.read(urlsplit(self.path))

    def do_POST(self) -> None:
        if not self.path.startswith(("/v1/files", "/v1/batches")):
            return super().do_POST()
        raw = self.rfile.read(int(self.headers.get("content-length") or 0)) if not self.chunked() else self.unchunk()
        if not self.let_in():
            return None
        with self.owner.steps:
            return self.write(self.path, raw)

    def chunked(self) -> bool:
        return "chunked" in (self.headers.get("transfer-encoding") or "")

    def unchunk(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    # reading

    def read(self, address: Any) -> None:
        owner, manners, parts = self.owner, self.owner.batch_manners, address.path.split("/")[2:]
        if manners.no_batches or (manners.no_lists and len(parts) == 1):
            return self.send(404, {"detail": "Not Found"})
        if len(parts) == 1:
            entries = (
                [self.file(name) for name in owner.files]
                if parts[0] == "files"
                else [self.batch(each) for each in owner.batches.values()]
            )[::-1]
            query = parse_qs(address.query)
            after, limit = query.get("after", [""])[0], int(query.get("limit", ["20"])[0])
            if after:
                entries = entries[[e["id"] for e in entries].index(after) + 1 :]
            return self.send(200, {"object": "list", "data": entries[:limit], "has_more": len(entries) > limit})
        if parts[0] == "batches":
            if parts[1] not in owner.batches:
                return self.fail(404, "No such batch.")
            found = owner.batches[parts[1]]
            self.go_on(found)
            return self.send(200, self.batch(found))
        if parts[1] not in owner.files or (manners.lose_output and parts[-1] == "content"):
            return self.fail(404, "No such file.")
        if parts[-1] != "content":
            return self.send(200, self.file(parts[1]))
        data = owner.files[parts[1]][1]
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        return None

    def file(self, file_id: str) -> dict[str, Any]:
        name, content = self.owner.files[file_id]
        return {"id": file_id, "object": "file", "filename": name, "bytes": len(content), "purpose": "batch"}

    def batch(self, found: Batch) -> dict[str, Any]:
        return {
            "id": found.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": found.file,
            "status": found.status,
            "output_file_id": found.output,
            "error_file_id": found.errors,
            "request_counts": found.counts,
            "metadata": found.metadata,
            "errors": found.trouble,
        }

    # writing

    def write(self, path: str, raw: bytes) -> None:
        owner, manners = self.owner, self.owner.batch_manners
        if manners.no_batches:
            return self.send(404, {"detail": "Not Found"})
        if path == "/v1/files":
            return self.upload(raw)
        if path.endswith("/cancel"):
            found = owner.batches[path.split("/")[3]]
            owner.cancelled.append(found.id)
            found.status = "cancelling"
            return self.send(200, self.batch(found))
        body = json.loads(raw)
        assert body["endpoint"] == "/v1/chat/completions" and body["completion_window"] == "24h"
        found = Batch(f"batch_{len(owner.batches):04d}", body["input_file_id"], body.get("metadata") or {})
        owner.batches[found.id] = found
        owner.handed_in += [line["custom_id"] for line in owner.lines(found.file)]
        if manners.cut_create:
            self.close_connection = True
            return self.connection.close()
        return self.send(200, self.batch(found))

    def upload(self, raw: bytes) -> None:
        head = b"content-type: " + self.headers["content-type"].encode() + b"\r\n\r\n"
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
        parts = {p.get_param("name", header="content-disposition"): p for p in form.iter_parts()}
        assert parts["purpose"].get_content().strip() == "batch"
        content = parts["file"].get_payload(decode=True)
        if len(content) > self.owner.batch_manners.most_bytes:
            return self.fail(413, "The file is too large.")
        file_id = self.owner.keep(parts["file"].get_filename(), content)
        if self.owner.batch_manners.cut_upload:
            self.close_connection = True
            return self.connection.close()
        return self.send(200, self.file(file_id))

    # time passes

    def go_on(self, found: Batch) -> None:
        manners, lines = self.owner.batch_manners, self.owner.lines(found.file)
        if found.status == "cancelling":
            return self.conclude(found, lines[: len(lines) // 2], lines[len(lines) // 2 :], "cancelled")
        if found.status not in ("validating", "in_progress", "finalizing") or manners.hold:
            return None
        if found.status == "validating":
            others = [b for b in self.owner.batches.values() if b.status in ("validating", "in_progress", "finalizing")]
            waiting = sum(len(self.owner.lines(b.file)) for b in others)
            if len({line["custom_id"] for line in lines}) < len(lines) or len(lines) > manners.most_lines:
                found.status = "failed"
                found.trouble = {"data": [{"code": "invalid_file", "message": "Too many lines, or one id twice."}]}
                return None
            if manners.token_limit and waiting > manners.token_limit:
                found.status = "failed"
                found.trouble = {"data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]}
                return None
        found.looks += 1
        found.status = "in_progress"
        found.counts = {"total": len(lines), "completed": len(lines) * found.looks // (manners.looks + 1), "failed": 0}
        if found.looks >= manners.looks:
            unanswered = [line for line in lines if self.first(line) and self.share(line, "expire") < manners.expire]
            late = {line["custom_id"] for line in unanswered}
            rest = [line for line in lines if line["custom_id"] not in late]
            self.conclude(found, rest, unanswered, "expired" if unanswered else "completed")
        return None

    def share(self, line: dict[str, Any], word: str) -> float:
        return share(line["custom_id"], word)

    def first(self, line: dict[str, Any]) -> bool:
        return self.owner.handed_in.count(line["custom_id"]) == 1

    def conclude(
        self, found: Batch, lines: list[dict[str, Any]], unanswered: list[dict[str, Any]], status: str
    ) -> None:
        manners, output, errors = self.owner.batch_manners, [], []
        if manners.shuffled:
            lines = sorted(lines, key=lambda line: sha256(line["custom_id"].encode()).hexdigest())
        for line in lines:
            body, style = line["body"], (line["body"].get("response_format") or {}).get("type")
            code, answer = 200, {}
            if self.first(line) and self.share(line, "line") < manners.line_errors:
                code, answer = 500, {"error": {"message": "The server had an error.", "type": "server_error"}}
            elif self.share(line, "refused") < manners.refused_lines:
                code = 400
                answer = {"error": {"message": "content management policy", "code": "content_filter"}}
            elif manners.no_schema and style == "json_schema":
                code = 400
                answer = {"error": {"message": "response_format json_schema is not supported", "code": "bad"}}
            else:
                question = sha256(json.dumps(body["messages"], sort_keys=True).encode()).hexdigest()
                text, finish = self.answer(body, question)
                answer = self.completion(body, text, finish)
                self.owner.answered_in_batches.append(line["custom_id"])
            response = {"status_code": code, "request_id": "r", "body": answer}
            (output if code == 200 else errors).append(
                {"id": f"batch_req_{len(output)}", "custom_id": line["custom_id"], "response": response, "error": None}
            )
        word = "batch_expired" if status == "expired" else "batch_cancelled"
        errors += [
            {"custom_id": each["custom_id"], "response": None, "error": {"code": word, "message": "Not processed."}}
            for each in unanswered
        ]
        for name, entries in (("output", output), ("errors", errors)):
            if entries:
                text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
                setattr(found, name, self.owner.keep(f"{found.id}_{name}.jsonl", text.encode()))
        found.counts = {"total": len(lines) + len(unanswered), "completed": len(output), "failed": len(errors)}
        found.status = status
