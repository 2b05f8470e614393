"""Which item a row is: the same external id, or the same content, is the same item for good.

An item's key is its external id where the corpus has one, else the hash of its content; importing again finds
it by the key. The public id is made once, from the item's number in the store and the hash of corpus and key:
it stands in addresses, exports and decisions, and an id of another project or corpus is never mistaken for one
of this.
"""

from __future__ import annotations

from hashlib import blake2b

from core.errors import NotFound

_CHECK = 8  # hex digits of the hash in an id


def item_key(external_id: str | None, content_hash: str) -> str:
    """The key that an item is known by within its corpus."""
    return f"id:{external_id}" if external_id is not None else f"content:{content_hash}"


def item_id(pk: int, corpus_id: str, key: str) -> str:
    """The public id of the item number `pk`."""
    own = f"{corpus_id}\x1f{key}".encode()
    return f"{pk:x}{blake2b(own, digest_size=_CHECK // 2).hexdigest()}"


def number_of(public_id: str) -> int:
    """The item's number that a public id begins with.

    Raises:
        NotFound: it is no public id.
    """
    head, check = public_id[:-_CHECK], public_id[-_CHECK:]
    try:
        int(check, 16)
        number = int(head, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 2**62:
        raise NotFound(f"There is no item “{public_id[:40]}”.", "It may belong to another project.")
    return number
