"""Sources are read from a package, a file or a URL, recognised by their content, and refused in one line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata

import pytest

from costaudit.errors import TableError, UsageError
from costaudit.prices.importers import load
from costaudit.prices.importers.load import load_source, load_source_ids
from costaudit.prices.importers.observation import Observation
from costaudit.prices.importers.registry import IMPORTERS
from tests.offline.sitecustomize import BAN

FILES = {
    "genai-prices": "genai_prices.json",
    "litellm": "litellm.json",
    "model-prices": "model_prices.json",
    "models-dev": "models_dev.json",
    "openrouter": "openrouter.json",
    "veqen-pricebook": "veqen.json",
}


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda i: i.kind)
def test_every_source_is_recognised_by_its_content_and_by_no_other_importer(importer, sources):
    loaded = load_source(str(sources / FILES[importer.kind]))
    assert (loaded.importer, loaded.id) == (importer, importer.kind)
    assert [i.kind for i in IMPORTERS if i.fits(loaded.data)] == [importer.kind]
    assert any(isinstance(item, Observation) for item in loaded.observations())


def test_the_data_module_of_a_package_is_recognised(sources):
    assert load_source(str(sources / "genai_prices_data.txt")).importer.kind == "genai-prices"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "no importer knows this shape"),
        ('{"a": 1}', "no importer knows this shape"),
        ("[]", "no importer knows this shape"),
        ('[{"id": "x"}]', "no importer knows this shape"),
        ('{"data": []}', "no importer knows this shape"),
        ("{", "not valid JSON"),
        ('{"a": NaN}', "NaN is no number"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        ("price,usd\n", "neither JSON nor the data module"),
        ("\xff\xfe", "neither JSON nor the data module"),
    ],
)
def test_another_shape_is_an_error_that_names_the_file(tmp_path, text, message):
    path = tmp_path / "source.json"
    path.write_text(text)
    with pytest.raises(TableError, match=message) as caught:
        load_source(str(path))
    assert caught.value.path == str(path)


def test_a_source_that_is_no_text_is_an_error(tmp_path):
    (tmp_path / "source").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TableError, match="not text in UTF-8"):
        load_source(str(tmp_path / "source"))


def test_a_kind_that_does_not_fit_is_an_error(sources):
    assert load_source(str(sources / "litellm.json"), "litellm").importer.kind == "litellm"
    with pytest.raises(TableError, match="not in the shape of genai-prices"):
        load_source(str(sources / "litellm.json"), "genai-prices")
    with pytest.raises(UsageError, match=r"unknown kind 'litelm'.*did you mean 'litellm'"):
        load_source(str(sources / "litellm.json"), "litelm")


def test_a_file_that_is_not_there_is_an_error_with_a_suggestion():
    with pytest.raises(UsageError, match=r"cannot be read: No such file.*did you mean 'genai-prices'"):
        load_source("genai-price")


def test_a_source_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "LARGEST", 10)
    (tmp_path / "source.json").write_text('{"a": "0123456789"}')
    with pytest.raises(TableError, match="larger than"):
        load_source(str(tmp_path / "source.json"))


def test_an_installed_package_is_read_with_its_version_and_never_imported(tmp_path, monkeypatch, sources):
    for package, module, file, version, source in (
        ("genai-prices", "genai_prices", "data.py", "9.8.7", "genai_prices_data.txt"),
        ("litellm", "litellm", "model_prices_and_context_window_backup.json", "6.5.4", "litellm.json"),
    ):
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text("raise SystemExit('imported')\n")
        (tmp_path / module / file).write_bytes((sources / source).read_bytes())
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path)
        loaded = load_source(package)
        assert (loaded.id, loaded.shown) == (f"{package}-{version}", f"{package} {version}")


def test_a_package_that_is_not_installed_is_an_error_that_says_what_to_do(monkeypatch):
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(UsageError, match=r"genai-prices is not installed.*or name a file: ./genai-prices"):
        load_source("genai-prices")


class Handler(BaseHTTPRequestHandler):
    """Answers by path; everything is on this machine."""

    body: bytes = b""

    def do_GET(self) -> None:
        if self.path.startswith("/api.json"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.body)
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/api.json")
            self.end_headers()
        elif self.path == "/astray":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/api.json")
            self.end_headers()
        else:
            self.send_error(404)

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def url(sources, monkeypatch) -> Iterator[str]:
    """The root of a server on this machine that has models.dev's api.json."""
    monkeypatch.setenv("no_proxy", "*")
    handler = type("Models", (Handler,), {"body": (sources / "models_dev.json").read_bytes()})
    with BAN.off(), HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_url_is_fetched_and_shown_without_its_query(url):
    loaded = load_source(f"{url}/api.json?key=secret")
    assert (loaded.importer.kind, loaded.shown) == ("models-dev", f"{url}/api.json")


def test_a_redirect_is_followed_but_not_away_from_http(url):
    assert load_source(f"{url}/moved").importer.kind == "models-dev"
    with pytest.raises(UsageError, match="cannot be fetched"):
        load_source(f"{url}/astray")


def test_a_url_without_an_answer_is_an_error(url):
    with pytest.raises(UsageError, match="cannot be fetched: HTTP 404"):
        load_source(f"{url}/other")
    with pytest.raises(UsageError, match="cannot be fetched"):
        load_source("http://127.0.0.1:1/api.json")
    with pytest.raises(UsageError, match="cannot be fetched"):
        load_source("http://127.0.0.1:port/api.json")
    with pytest.raises(UsageError, match="the URL cannot be read"):
        load_source("http://[::1/api.json")


def test_a_password_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError, match="cannot be fetched") as caught:
        load_source(url.replace("//", "//name:secret@"))
    assert "secret" not in str(caught.value)


def test_a_url_with_too_long_an_answer_is_refused(url, monkeypatch):
    monkeypatch.setattr(load, "LARGEST", 100)
    with pytest.raises(TableError, match="larger than"):
        load_source(f"{url}/api.json")


def test_the_ids_of_the_sources_of_a_directory(tables, tmp_path):
    assert load_source_ids(tables) == {"ours"}
    assert load_source_ids(tmp_path) == frozenset()
