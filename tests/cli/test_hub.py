"""Models by their names on the Hugging Face Hub, against a server of our own."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

LLAMA = {"model_type": "llama", "num_hidden_layers": 2, "vocab_size": 100, "torch_dtype": "float16"}
COMMIT = "a" * 40


def safetensors(shapes):
    """A file of tensors: its header, and zeros."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4
        for each in shape:
            size *= each
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + bytes(end)


class Hub(BaseHTTPRequestHandler):
    """Answers as the Hub does to questions for single files."""

    files: dict
    """Contents by ``owner/name/file``."""
    asked: list

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body):
        self.asked.append((self.command, self.path, self.headers.get("Range")))
        owner, name, *rest = self.path.strip("/").split("/")
        repository, file = f"{owner}/{name}", "/".join(rest[2:])
        if owner == "slow":
            time.sleep(0.8)
        if owner == "gated":
            return self.fail(401 if with_body else 403, "GatedRepo")
        if f"{repository}/" not in {key[: len(repository) + 1] for key in self.files}:
            return self.fail(404, "RepoNotFound")
        if owner == "moved":
            self.send_response(307)
            self.send_header("Location", self.path.replace("moved", "ours"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        body = self.files.get(f"{repository}/{file}")
        if body is None:
            return self.fail(404, "EntryNotFound")
        size = len(body) if owner != "huge" else 10**9
        status, wanted = 200, self.headers.get("Range")
        if wanted:
            first, last = (int(each) for each in wanted.removeprefix("bytes=").split("-"))
            body, status = body[first : last + 1], 206
            size = len(body)
        self.send_response(status)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hash(file) % 10**9:x}"')
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if with_body:
            self.wfile.write(body)
        return None

    def fail(self, status, code):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub of our own, with an empty cache; what it was asked."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    from huggingface_hub import constants

    files = {
        "ours/small/config.json": json.dumps(LLAMA).encode(),
        "moved/small/config.json": json.dumps(LLAMA).encode(),
        "ours/broken/config.json": b"{ not json",
        "ours/list/config.json": b"[]",
        "ours/other/README.md": b"no model",
        "huge/one/config.json": b"{}",
        "ours/odd/config.json": json.dumps({"model_type": "no_such"}).encode(),
    }
    handler = type("Ours", (Hub,), {"files": files, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        constants.ENDPOINT + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield handler
    server.shutdown()
    server.server_close()


def test_a_model_by_its_name(hub, run):
    said = run("ours/small", "--format", "json")
    assert json.loads(said.out)["config"]["n_layer"] == 2
    assert "n_layer 3" in run("compare", "ours/small", "ours/small,n_layer=3").out
    assert "weights in float16" in run("memory", "ours/small", "--inference", "--seq", "8").out
    assert not said.err


def test_a_model_that_moved(hub, run):
    assert run("moved/small").status == 0


def test_what_was_fetched_works_without_the_hub(hub, run, refused, monkeypatch):
    from huggingface_hub import constants

    assert run("ours/small").status == 0
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert run("ours/small").status == 0
    assert "is not in the local cache" in refused("ours/list")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert run("ours/small").status == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gated/model", "gated/model is gated: accept its terms on the Hub"),
        ("ours/nothing", "neither a preset nor a file nor a public repository on the Hub"),
        ("ours/other", "ours/other has no config.json"),
        ("ours/broken", "is not a JSON file"),
        ("ours/list", "must hold a JSON object"),
        ("ours/odd", "model_type is 'no_such'"),
        ("huge/one", "config.json has 1,000,000,000 bytes: more than"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(hub, refused, name, words):
    assert words in refused(name)


def test_a_slow_answer_ends_in_one_line(hub, refused, monkeypatch):
    monkeypatch.setattr("gpt2calc.model.sources.hub.TIMEOUT", 0.2)
    assert refused("slow/model").startswith("gpt2calc: slow/model ")


def test_a_bare_typo_asks_no_network(hub, refused):
    for word in ("gtp2", "llama-3-9b", "no/such/path", "folder/", "./x", "ours/small.json"):
        assert refused(word)
    assert hub.asked == []


def test_the_headers_of_a_repository_are_read_and_no_weight(hub, run, refused):
    from gpt2calc import ModelConfig, named_shapes
    from gpt2calc.model.sources.to_config_json import in_their_words

    small = ModelConfig(family="llama", n_layer=2, n_embd=64, n_head=4, vocab=96, n_ctx=32)
    shapes = {name: list(shape) for name, shape in named_shapes(small)}
    hub.files["ours/whole/config.json"] = json.dumps(in_their_words(small)).encode()
    hub.files["ours/whole/model.safetensors"] = safetensors(shapes)
    said = run("inspect", "ours/whole")
    assert said.status == 0
    assert "Llama with 2 layers" in said.out
    assert all(
        wanted
        for command, path, wanted in hub.asked
        if command == "GET" and path.endswith(".safetensors")
    )
    assert "no whole safetensors files" in refused("inspect", "ours/small")


def test_without_the_library_one_line_says_how_to_get_it(refused, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'gpt2calc[hub]'" in refused("some/model")
