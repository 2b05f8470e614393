"""Addresses as people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.connecting.endpoints import (
    EngineOptions,
    host_of,
    is_local,
    is_openai,
    normalise,
    other_bases,
    other_scheme,
    server_name,
    with_version,
)
from core.errors import InvalidInput


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("localhost:11434/v1/", "http://localhost:11434/v1"),
        (" 192.168.1.5:8000 ", "http://192.168.1.5:8000"),
        ("gpu-box:8000/v1", "http://gpu-box:8000/v1"),
        ("api.openai.com", "https://api.openai.com/v1"),
        ("https://API.OpenAI.com:443/v1/chat/completions", "https://api.openai.com/v1"),
        ("https://openrouter.ai/api/v1/models", "https://openrouter.ai/api/v1"),
        ("HTTPS://example.org//v1//", "https://example.org/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("http://example.org:80", "http://example.org"),
        ("https://bücher.example/v1", "https://xn--bcher-kva.example/v1"),
    ],
)
def test_what_people_paste(pasted, expected):
    assert normalise(pasted) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "   ",
        "ftp://example.org",
        "javascript://x",
        "https://user:secret@example.org/v1",
        "https://example.org/v1?key=secret",
        "https://example.org/v1#secret",
        "http://",
        "http://example.org:99999",
        "x" * 501,
    ],
)
def test_what_is_no_address_or_hides_a_key_is_refused(wrong):
    with pytest.raises(InvalidInput) as refused:
        normalise(wrong)
    assert refused.value.remedy and "secret" not in str(refused.value)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_sentence(text):
    try:
        found = normalise(text)
    except InvalidInput as refused:
        assert refused.message and refused.remedy
    else:
        assert normalise(found) == found and found.startswith(("http://", "https://"))


def test_only_openai_itself_is_openai():
    assert is_openai(normalise("api.openai.com"))
    for other in ("http://api.openai.com/v1", "https://api.openai.com.evil.org/v1", "https://evil.org/api.openai.com"):
        assert not is_openai(normalise(other))
    assert host_of("http://localhost:1/v1") == "localhost:1"
    assert with_version("http://localhost:1") == "http://localhost:1/v1" and with_version("http://localhost/v2") is None


def test_which_machine_and_which_server():
    near = ("http://localhost:1/v1", "http://192.168.1.5:8000", "http://gpu-box:8000/v1", "http://[::1]:8080/v1")
    assert (
        all(map(is_local, near))
        and not is_local("https://api.openai.com/v1")
        and not is_local("http://192.0.2.1.nip.io")
    )
    names = [
        server_name(each) for each in ("http://127.0.0.1:11434/v1", "https://api.openai.com/v1", "http://gpu:11434/v1")
    ]
    assert names == ["Ollama", "OpenAI", "gpu:11434"]


def test_what_else_an_address_may_have_meant():
    assert other_bases("http://localhost:11434")[0] == "http://localhost:11434/v1"
    assert other_bases("http://localhost:11434/api")[1] == "http://localhost:11434/v1"
    assert "https://openrouter.ai/api/v1" in other_bases("https://openrouter.ai/v1")
    assert not any(each.endswith("/v1/v1") for each in other_bases("http://x/v1"))
    assert other_scheme("http://example.org/v1") == "https://example.org/v1"
    assert other_scheme("https://gpu-box:1/v1") == "http://gpu-box:1/v1"
    assert other_scheme("https://example.org/v1") is None, "no key goes over the internet in the open"


def test_names_for_people():
    assert EngineOptions().label == "builtin engine"
    assert EngineOptions("openai", "http://localhost:1/v1", "m").label == "m · localhost:1"
    assert EngineOptions("transformers", "", "some/where/tiny").label == "tiny · in this process"
