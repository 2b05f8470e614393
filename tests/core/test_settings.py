import os
import re
from pathlib import Path

import pytest

from core.errors import InvalidInput
from core.settings import SETTINGS, Settings, default_home, installed_version, load_settings, read_env_file

REPOSITORY = Path(__file__).resolve().parents[2]


def load(tmp_path, env="", **given):
    (tmp_path / "settings.env").write_text(env, encoding="utf-8")
    return load_settings({"HOME": str(tmp_path), **given}, tmp_path / "settings.env")


def test_without_any_setting(tmp_path):
    settings = load(tmp_path)
    assert settings.home == tmp_path / ".local" / "share" / "tagloom"
    assert (settings.host, settings.port, settings.max_jobs) == ("127.0.0.1", 7860, 2)
    assert settings.loopback and not settings.public and settings.database_url is None
    assert settings.max_upload_bytes == 2048 * 1024**2 and settings.roots == settings.hosts == ()
    assert settings.uploads.parent == settings.job_folder.parent == settings.home


@pytest.mark.parametrize(
    ("system", "environment", "expected"),
    [
        ("Linux", {"HOME": "/home/ann"}, "/home/ann/.local/share/tagloom"),
        ("Linux", {"HOME": "/home/ann", "XDG_DATA_HOME": "/data"}, "/data/tagloom"),
        ("Darwin", {"HOME": "/Users/ann"}, "/Users/ann/Library/Application Support/Tagloom"),
        ("Windows", {"USERPROFILE": "/u/ann"}, "/u/ann/AppData/Local/Tagloom"),
        ("Windows", {"USERPROFILE": "/u/ann", "LOCALAPPDATA": "/u/ann/L"}, "/u/ann/L/Tagloom"),
    ],
)
def test_the_platforms_data_folder(system, environment, expected):
    assert default_home(environment, system) == Path(expected)


def test_every_setting_is_read(tmp_path):
    settings = load(
        tmp_path,
        TAGLOOM_HOME=str(tmp_path / "x" / ".." / "home"),
        TAGLOOM_DATABASE_URL=" postgresql://me:pw@host/db ",
        TAGLOOM_EMBEDDING_MODEL="folder/model",
        TAGLOOM_ALLOW_DOWNLOADS="yes",
        TAGLOOM_ROOTS=f"{tmp_path}{os.pathsep} {os.pathsep}{tmp_path / 'b'}",
        TAGLOOM_PUBLIC="true",
        TAGLOOM_HOSTS="Labels.example.org, other ,",
        TAGLOOM_MAX_UPLOAD_MB="5",
        TAGLOOM_MAX_JOBS="3",
        TAGLOOM_KEY_MY_SERVER=" k ",
        TAGLOOM_KEY_EMPTY="",
        HOST="0.0.0.0",
        PORT="8080",
        api_host="10.0.0.1",
        api_port="8088",
    )
    assert settings == Settings(
        home=tmp_path / "home",
        database_url="postgresql://me:pw@host/db",
        embedding_model="folder/model",
        allow_downloads=True,
        roots=(tmp_path, tmp_path / "b"),
        public=True,
        hosts=("labels.example.org", "other"),
        max_upload_bytes=5 * 1024**2,
        max_jobs=3,
        connection_keys={"TAGLOOM_KEY_MY_SERVER": "k"},
        host="0.0.0.0",
        port=8080,
    )
    assert not settings.loopback


def test_the_environment_wins_over_the_file(tmp_path):
    text = '# a comment\nexport PORT="9000"\nTAGLOOM_MAX_JOBS=4\n\nnonsense\nHOST=\n'
    assert load(tmp_path, text).port == 9000
    settings = load(tmp_path, text, PORT="9001")
    assert (settings.port, settings.max_jobs, settings.host) == (9001, 4, "127.0.0.1")


def test_host_and_port_win_over_api_host_and_api_port(tmp_path):
    text = "OPENAI_API_KEY=k\napi_host=0.0.0.0\napi_port=8088\n"  # as LP-MusicCaps' own .env

    def address(**given):
        settings = load(tmp_path, text, **given)
        return settings.host, settings.port

    assert address() == ("0.0.0.0", 8088)
    assert address(PORT="9000") == ("0.0.0.0", 9000)
    assert address(HOST="127.0.0.1") == ("127.0.0.1", 8088)
    assert address(HOST="::1", PORT="9000") == ("::1", 9000)
    assert address(HOST=" ", PORT="") == ("0.0.0.0", 8088), "an empty one says nothing"
    assert address(api_host="localhost", api_port="8090") == ("localhost", 8090)
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, api_port="all")
    assert "api_port" in refused.value.message


def test_a_file_beside_the_working_folder_is_read(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("\ufeffPORT=9100\r\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings().port == 9100
    assert load_settings().home == tmp_path / "home", "the environment's own TAGLOOM_HOME"
    assert read_env_file(tmp_path / "missing") == {}


@pytest.mark.parametrize("value", ["abc", "0", "-1", "70000", "1.5", "²", "1e3", "0x10"])
def test_numbers_that_are_none_are_refused_by_name(tmp_path, value):
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, PORT=value)
    assert "PORT" in refused.value.message and value in refused.value.message and refused.value.remedy


@pytest.mark.parametrize("value", ["mysql://x", "sqlite:///x.db", "host/db", "postgresql:/x"])
def test_other_databases_are_refused(tmp_path, value):
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, TAGLOOM_DATABASE_URL=value)
    assert "TAGLOOM_DATABASE_URL" in refused.value.message and value not in refused.value.message


def test_a_space_is_public_and_known_by_its_name(tmp_path):
    settings = load(tmp_path, SPACE_ID="ann/tagloom", SPACE_HOST="Ann-Tagloom.hf.space")
    assert settings.public and settings.host == "0.0.0.0" and settings.space_host == "ann-tagloom.hf.space"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_names(tmp_path, host):
    assert load(tmp_path, HOST=host).loopback


def test_a_worker_gets_the_same_settings(tmp_path):
    settings = load(
        tmp_path,
        TAGLOOM_DATABASE_URL="postgresql://me:pw@host/db",
        TAGLOOM_EMBEDDING_MODEL="m",
        TAGLOOM_ALLOW_DOWNLOADS="1",
        TAGLOOM_ROOTS=str(tmp_path),
        TAGLOOM_MAX_JOBS="7",
    )
    again = load_settings(settings.environment(), tmp_path / "none")
    assert again == settings
    bare = Settings(home=tmp_path)
    assert load_settings(bare.environment(), tmp_path / "none") == bare


def test_every_setting_that_is_read_is_declared():
    source = (REPOSITORY / "core" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:given\.get|flag|number)\(\s*"([A-Za-z_]+)"', source))
    by_name = {"TAGLOOM_KEY_<NAME>"}  # any number of them
    assert {name for name in read if not name.startswith("SPACE_")} == set(SETTINGS) - by_name
    assert all(text.endswith(".") for text in SETTINGS.values())


def test_the_version_is_said():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", installed_version())
