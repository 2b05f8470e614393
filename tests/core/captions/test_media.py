"""Which files a page may play: sound only, below the right folders only, whatever names and links say."""

import pytest

from core.captions.media import TYPES, find_sound, names_sound, sound_link
from core.errors import NotFound


@pytest.fixture
def folders(tmp_path):
    """A corpus' folder with sound, another folder with sound, and an allowed one."""
    for name in ("corpus/audio", "other", "allowed"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("corpus/audio/a.mp3", "corpus/b.WAV", "corpus/notes.txt", "other/c.mp3", "allowed/d.flac"):
        (tmp_path / name).write_bytes(b"sound")
    (tmp_path / "corpus" / "folder.mp3").mkdir()
    return tmp_path


def found(folders, media, source="corpus"):
    path = find_sound(media, folders / source if source else None, [folders / "allowed"])
    return path.relative_to(folders).as_posix()


def test_files_beside_the_corpus_and_below_allowed_folders(folders):
    assert found(folders, "audio/a.mp3") == "corpus/audio/a.mp3"
    assert found(folders, "audio\\a.mp3") == "corpus/audio/a.mp3", "as another system writes it"
    assert found(folders, str(folders / "corpus/b.WAV")) == "corpus/b.WAV"
    assert found(folders, "audio/../b.WAV") == "corpus/b.WAV"
    assert found(folders, "d.flac") == "allowed/d.flac" and found(folders, "d.flac", None) == "allowed/d.flac"
    (folders / "corpus/inner.mp3").symlink_to(folders / "corpus/audio/a.mp3")
    assert found(folders, "inner.mp3") == "corpus/audio/a.mp3"
    (folders / "corpus/across.flac").symlink_to(folders / "allowed/d.flac")
    assert found(folders, "across.flac") == "allowed/d.flac", "a link into another allowed folder"


def test_nothing_else(folders):
    (folders / "corpus/link.mp3").symlink_to(folders / "other/c.mp3")
    (folders / "corpus/linked").symlink_to(folders / "other")
    (folders / "corpus/text.mp3").symlink_to(folders / "corpus/notes.txt")
    (folders / "corpus/circle.mp3").symlink_to(folders / "corpus/circle.mp3")
    wrong = [
        None,
        "",
        "gone.mp3",
        "notes.txt",
        "text.mp3",
        "link.mp3",
        "linked/c.mp3",
        "circle.mp3",
        "folder.mp3",
        "../other/c.mp3",
        "audio/../../other/c.mp3",
        str(folders / "other/c.mp3"),
        "audio/a.mp3\0.txt",
        "a\0.mp3",
        "x" * 5000 + ".mp3",
        "https://example.org/a.mp3",
        "file:///etc/passwd.mp3",
        "~/a.mp3",
    ]
    for media in wrong:
        with pytest.raises(NotFound) as refused:
            found(folders, media)
        assert refused.value.remedy, media
    with pytest.raises(NotFound):
        found(folders, "audio/a.mp3", None)


def test_links_that_a_player_can_play():
    assert sound_link(" https://example.org/a.MP3?x=1 ") == "https://example.org/a.MP3?x=1"
    for other in (
        None,
        "",
        "https://youtu.be/abc",
        "javascript:alert(1)//a.mp3",
        "ftp://e.org/a.mp3",
        "a.mp3",
        "http://[/a.mp3",
    ):
        assert sound_link(other) is None
    assert names_sound("x/a.opus") and not names_sound("https://e.org/a.mp3") and not names_sound("cover.png")
    assert all(kind.startswith("audio/") for kind in TYPES.values())
