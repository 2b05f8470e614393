"""Pages of items: filtered, searched, 50 at a time, in import order. No deep OFFSET, no payload in a count."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Select, Text, cast, exists, func, literal_column, or_, select, text
from sqlalchemy.sql import ColumnElement

from core.corpora.catalog import Corpus
from core.corpora.identity import number_of
from core.corpora.rendering import render
from core.errors import InvalidInput, NotFound
from core.store.schema import STATUS_CODE, STATUSES, item, item_tag, item_text, suggestion
from core.store.schema import tag as tag_table
from core.store.times import iso

PAGE = 50
MOST = 200
COUNT_LIMIT = 100_000  # a text search is counted up to here; beyond it the total is "more than"
SNIPPET = 180
LONGEST_QUERY = 1000  # characters; databases give up on much longer ones
LABELLED = ("gold", "suggested", "accepted")
# Latin, Greek and Cyrillic: the scripts whose words the full-text indexes cut as `\w+` does
_WORD_SCRIPTS = re.compile(r"[\u0000-\u02ff\u0370-\u052f\u1e00-\u206f]*")
# Thai to Tibetan and Burmese, Khmer, kana, Chinese, hangul
_UNSPACED = re.compile(
    r"[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
MOST_PARTS = 10  # of a query that are looked for one by one


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list of items is narrowed to. `status` is one of STATUSES, "deleted" or "all"; `labelled` one of
    LABELLED; `tag` a tag's id."""

    query: str = ""
    status: str = "all"
    labelled: str = ""
    tag: int | None = None


def _words(query: str) -> tuple[str, list[str]]:
    """A search as it is compared with items' texts, and its words."""
    plain = unicodedata.normalize("NFKC", query[:LONGEST_QUERY].replace("\0", " "))
    wanted = " ".join(plain.casefold().split())
    return wanted, re.findall(r"[^\W_]+", wanted)


def _scans(query: str) -> bool:
    """Whether no index serves a search, so that every text is looked through."""
    wanted, words = _words(query)
    return bool(wanted) and (not words or not _WORD_SCRIPTS.fullmatch(wanted) or max(map(len, words)) < 3)


def search_condition(connection: Connection, query: str) -> ColumnElement[bool]:
    """Items whose text contains every word of `query`, the last one as a beginning.

    Full-text indexes cut Chinese, Japanese or Thai into no words, and differ over others: such queries, and
    very short ones, look for the characters as they stand; where a script writes no spaces, a space in the query parts
    two things that may stand anywhere.
    """
    wanted, words = _words(query)
    if not words or _scans(query):
        parts = wanted.split() if _UNSPACED.search(wanted) else [wanted]
        inner = select(item_text.c.item)
        for part in parts[:MOST_PARTS]:
            pattern = "%" + re.sub(r"([%_\\])", r"\\\1", part) + "%"
            inner = inner.where(item_text.c.text.like(pattern, escape="\\"))
        return item.c.pk.in_(inner)
    if connection.dialect.name == "sqlite":
        match = " ".join(f'"{word}"' for word in words[:-1]) + f' "{words[-1]}"*'
        found = text("SELECT rowid FROM item_fts WHERE item_fts MATCH :match").bindparams(match=match.strip())
        return item.c.pk.in_(found.columns(literal_column("rowid")).subquery().select())
    match = " & ".join([*words[:-1], words[-1] + ":*"])
    vector: ColumnElement[Any] = literal_column("item_text.vector")
    return item.c.pk.in_(select(item_text.c.item).where(vector.op("@@")(func.to_tsquery("simple", match))))


def _conditions(connection: Connection, corpus: Corpus, wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [item.c.corpus == corpus.pk]
    if wanted.status == "deleted":
        conditions.append(item.c.deleted != 0)
    else:
        conditions.append(item.c.deleted == 0)
        if wanted.status in STATUS_CODE:
            conditions.append(item.c.status == STATUS_CODE[wanted.status])
        elif wanted.status not in ("", "all"):
            raise InvalidInput(f"“{wanted.status}” is no status.", f"Use one of: all, {', '.join(STATUSES)}, deleted.")
    if wanted.labelled == "gold":
        conditions.append(item.c.gold.is_not(None))
    elif wanted.labelled == "suggested":
        conditions.append(exists().where(suggestion.c.item == item.c.pk, suggestion.c.field == "tags"))
    elif wanted.labelled == "accepted":
        conditions.append(exists().where(item_tag.c.item == item.c.pk))
    elif wanted.labelled:
        raise InvalidInput(f"“{wanted.labelled}” is no filter.", f"Use one of: {', '.join(LABELLED)}.")
    if wanted.tag is not None:
        conditions.append(exists().where(item_tag.c.item == item.c.pk, item_tag.c.tag.in_(_meaning(wanted.tag))))
    if wanted.query.strip():
        conditions.append(search_condition(connection, wanted.query))
    return conditions


def _meaning(tag: int) -> Select[Any]:
    """The ids of a tag and of all that were merged into it; of a merged one, those of the tag it now means."""
    now = select(func.coalesce(tag_table.c.merged_into, tag_table.c.id)).where(tag_table.c.id == tag).scalar_subquery()
    return select(tag_table.c.id).where(or_(tag_table.c.id == now, tag_table.c.merged_into == now))


def count_items(connection: Connection, corpus: Corpus, wanted: Filter) -> tuple[int, bool]:
    """How many items pass, and whether counting stopped at COUNT_LIMIT."""
    query: Select[Any] = select(literal_column("1")).select_from(item).where(*_conditions(connection, corpus, wanted))
    searching = bool(wanted.query.strip() or wanted.labelled or wanted.tag)
    if searching:
        query = query.limit(COUNT_LIMIT + 1)
    n = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    return min(n, COUNT_LIMIT) if searching else n, searching and n > COUNT_LIMIT


def parse_cursor(cursor: str) -> tuple[str, int, int]:
    """("next" | "previous", position, rank of the first item of that page)."""
    if not cursor:
        return "next", 0, 1
    match = re.fullmatch(r"(next|previous):(\d{1,15}):(\d{1,15})", cursor)
    if match is None:
        raise InvalidInput("That place in the list does not exist.", "Go back to the first page.")
    return match[1], int(match[2]), int(match[3])


def list_items(
    connection: Connection, corpus: Corpus, wanted: Filter, cursor: str = "", limit: int = PAGE
) -> dict[str, Any]:
    """One page: `items`, `total`, `total_is_more`, `from` (rank of the first), `next` and `previous` cursors."""
    limit = max(1, min(limit, MOST))
    direction, position, rank = parse_cursor(cursor)
    scan = _scan(connection, corpus, wanted) if _scans(wanted.query) else None
    if scan is not None:
        return _page_of_scan(connection, corpus, scan, (direction, position, rank), limit)
    query = _rows_of_items()
    query = query.where(*_conditions(connection, corpus, wanted))
    if direction == "next":
        query = query.where(item.c.pk > position).order_by(item.c.pk)
    else:
        query = query.where(item.c.pk < position).order_by(item.c.pk.desc())
    rows = list(connection.execute(query.limit(limit + 1)).all())
    more = len(rows) > limit
    total = count_items(connection, corpus, wanted)
    return _page(connection, corpus, rows[:limit], more, (direction, position, rank), limit, total)


def _rows_of_items() -> Select[Any]:
    columns = [item.c.pk, item.c.id, item.c.external_id, item.c.title, item.c.fields, item.c.gold]
    return select(*columns, item.c.status, item.c.deleted, item.c.updated_at)


def _scan(connection: Connection, corpus: Corpus, wanted: Filter) -> list[int] | None:
    """The numbers of all items that pass, in order, from one look through the texts; None for more than COUNT_LIMIT,
    which pages and counts are faster found apart."""
    query = select(item.c.pk).where(*_conditions(connection, corpus, wanted)).order_by(item.c.pk)
    found = list(connection.execute(query.limit(COUNT_LIMIT + 1)).scalars())
    return found if len(found) <= COUNT_LIMIT else None


def _page_of_scan(
    connection: Connection, corpus: Corpus, scan: list[int], place: tuple[str, int, int], limit: int
) -> dict[str, Any]:
    direction, position, _ = place
    if direction == "next":
        start = bisect_right(scan, position)
        keys, more = scan[start : start + limit], len(scan) > start + limit
    else:
        end = bisect_left(scan, position)
        keys, more = scan[max(0, end - limit) : end][::-1], end > limit
    found = {row.pk: row for row in connection.execute(_rows_of_items().where(item.c.pk.in_(keys)))} if keys else {}
    rows = [found[key] for key in keys if key in found]
    return _page(connection, corpus, rows, more, place, limit, (len(scan), False))


def _page(
    connection: Connection,
    corpus: Corpus,
    rows: list[Any],
    more: bool,
    place: tuple[str, int, int],
    limit: int,
    total: tuple[int, bool],
) -> dict[str, Any]:
    """A page as it is answered. `rows` stand in the order in which they were looked for; `more` lie beyond them."""
    direction, _, rank = place
    if direction == "previous":
        rows.reverse()
        if not more:
            rank = 1
    has_next = more if direction == "next" else True
    has_previous = rank > 1 if direction == "next" else more
    return {
        "items": _cards(connection, corpus, rows),
        "total": total[0],
        "total_is_more": total[1],
        "from": rank if rows else 0,
        "next": f"next:{rows[-1].pk}:{rank + len(rows)}" if rows and has_next else None,
        "previous": f"previous:{rows[0].pk}:{max(1, rank - limit)}" if rows and has_previous else None,
    }


def _cards(connection: Connection, corpus: Corpus, rows: list[Any]) -> list[dict[str, Any]]:
    keys = [row.pk for row in rows]
    tags: dict[int, list[str]] = {}
    if keys:
        said = tag_table.alias("said")
        now = func.coalesce(said.c.merged_into, said.c.id)
        accepted = select(item_tag.c.item, tag_table.c.name, tag_table.c.key).distinct()
        accepted = accepted.join(said, said.c.id == item_tag.c.tag).join(tag_table, tag_table.c.id == now)
        for pk, name, _ in connection.execute(accepted.where(item_tag.c.item.in_(keys)).order_by(tag_table.c.key)):
            tags.setdefault(pk, []).append(name)
    suggested: dict[int, int] = {}
    if keys:
        # what several runs say counts once; candidates of a vocabulary are no suggestions for the item
        said_once = func.count(func.distinct(func.coalesce(cast(suggestion.c.tag, Text), suggestion.c.value)))
        counted = select(suggestion.c.item, said_once).where(
            suggestion.c.item.in_(keys), suggestion.c.field == "tags", suggestion.c.validity == "valid"
        )
        suggested = {row[0]: row[1] for row in connection.execute(counted.group_by(suggestion.c.item))}
    cards = []
    for row in rows:
        texts = render(orjson.loads(row.fields), corpus.roles)
        snippet = next((field.text for field in texts if field.kind != "title" and field.text != row.title), "")
        cards.append(
            {
                "id": row.id,
                "external_id": row.external_id,
                "title": row.title,
                "snippet": " ".join(snippet[: SNIPPET * 2].split())[:SNIPPET],
                "status": "deleted" if row.deleted else STATUSES[row.status],
                "tags": tags.get(row.pk, []),
                "gold": None if row.gold is None else orjson.loads(row.gold),
                "suggested": suggested.get(row.pk, 0),
                "updated_at": iso(row.updated_at),
            }
        )
    return cards


def find_item(connection: Connection, item_id: str) -> Any:
    """The row of an item, deleted or not.

    Raises:
        NotFound: there is none with that id.
    """
    row = connection.execute(select(item).where(item.c.pk == number_of(item_id), item.c.id == item_id)).first()
    if row is None:
        raise NotFound(f"There is no item “{item_id[:40]}”.", "It may belong to another project.")
    return row
