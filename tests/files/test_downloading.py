"""Downloads from a real server on loopback that can be told to misbehave."""

import hashlib
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from localizer.errors import InputError
from localizer.files import downloading
from localizer.files.downloading import download

CONTENT = np.random.default_rng(0).bytes(1_500_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class FileServer(ThreadingHTTPServer):
    """Serves `files` (name -> bytes) with Range support, on a free port of 127.0.0.1.

    `faults` is a queue of dictionaries, one per request, then none: `status` answers with that
    status; `cut` closes the connection after so many bytes; `ignore_range` sends the whole file;
    `headers` are sent besides.
    `log` has for each request (path, Range header or None, status, bytes sent).
    """

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.faults, self.log = files, [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        fault = self.server.faults.pop(0) if self.server.faults else {}
        content = self.server.files.get(self.path.lstrip("/"))
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if fault.get("ignore_range"):
            start = 0
        status = fault.get("status") or (404 if content is None else 206 if start else 200)
        headers = dict(fault.get("headers", {}))
        body = b""
        if status in (200, 206) and start >= len(content):
            status, headers["Content-Range"] = 416, f"bytes */{len(content)}"
        elif status in (200, 206):
            body = content[start:]
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        sent = body[: fault.get("cut", len(body))]
        self.server.log.append((self.path, wanted, status, len(sent)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(downloading, "RETRY_WAITS_S", (0, 0, 0))
    with FileServer({"file.bin": CONTENT}) as running:
        yield running


def fetch(server, path, **options):
    options = {"md5": MD5, "size": len(CONTENT), "remedy": "Ask Ada.", "progress": False} | options
    return download(f"{server.url}/file.bin", path, **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_makes_folders_downloads_and_leaves_no_part(server, tmp_path):
    path = fetch(server, tmp_path / "a" / "b" / "file.bin")
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["file.bin"]


def test_a_verified_file_is_not_fetched_again(server, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    assert fetch(server, path, sha256=hashlib.sha256(CONTENT).hexdigest().upper()) == path
    assert server.log == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[:-1] + b"?"])
def test_another_file_of_that_name_is_named_and_kept(server, tmp_path, content):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"file\.bin: .* instead of .*Delete it"):
        fetch(server, path)
    assert path.read_bytes() == content and server.log == []


def test_cut_connections_resume_at_the_very_byte(server, tmp_path):
    server.faults += [{"cut": 700_001}, {"cut": 300_002}]
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.log == [
        ("/file.bin", None, 200, 700_001),
        ("/file.bin", "bytes=700001-", 206, 300_002),
        ("/file.bin", "bytes=1000003-", 206, 499_997),
    ]


def test_a_later_call_continues_where_the_first_gave_up(server, tmp_path):
    server.faults += [{"cut": 1000}] * 4
    with pytest.raises(InputError) as caught:
        fetch(server, tmp_path / "file.bin")
    assert names(tmp_path) == ["file.bin.part"]
    assert f"{server.url}/file.bin" in str(caught.value)
    assert "4,000 bytes are kept" in str(caught.value)
    assert str(caught.value).endswith("Ask Ada.")
    server.log.clear()
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.log == [("/file.bin", "bytes=4000-", 206, len(CONTENT) - 4000)]


def test_without_a_checksum_it_starts_from_zero(server, tmp_path):
    server.faults += [{"cut": 1000}]
    assert fetch(server, tmp_path / "file.bin", md5=None).read_bytes() == CONTENT
    assert [entry[1] for entry in server.log] == [None, None]


def test_a_server_that_ignores_range_restarts_from_zero(server, tmp_path):
    server.faults += [{"cut": 1000}, {"ignore_range": True}]
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert [entry[1:3] for entry in server.log] == [(None, 200), ("bytes=1000-", 200)]


@pytest.mark.parametrize("size, requests_sent", [(len(CONTENT), 0), (None, 1)])
def test_a_complete_part_is_taken_as_it_is(server, tmp_path, size, requests_sent):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path / "file.bin", size=size).read_bytes() == CONTENT
    assert len(server.log) == requests_sent  # 416 "bytes */size" says that nothing is missing.


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"more")
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT
    assert [entry[2] for entry in server.log] == [416, 200]


def test_a_wrong_checksum_deletes_the_part(server, tmp_path):
    server.files["file.bin"] = CONTENT[::-1]
    with pytest.raises(InputError, match=r"file\.bin: md5 is .* Ask Ada\.$"):
        fetch(server, tmp_path / "file.bin")
    assert names(tmp_path) == []


def test_a_stale_part_is_found_by_the_checksum(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"old version")
    with pytest.raises(InputError, match="md5 is"):
        fetch(server, tmp_path / "file.bin")
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_login_page_does_not_overwrite_the_part(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:5000])
    server.files["file.bin"] = b"<html>Please log in</html>"
    server.faults += [{"ignore_range": True}]
    with pytest.raises(InputError, match="26 bytes, not 1,500,000"):
        fetch(server, tmp_path / "file.bin")
    assert (tmp_path / "file.bin.part").read_bytes() == CONTENT[:5000]


def test_busy_servers_are_asked_again(server, tmp_path):
    server.faults += [{"status": 500}, {"status": 429}, {"status": 503}]
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("status, attempts", [(404, 1), (403, 1), (500, 4)])
def test_an_error_status_is_named(server, tmp_path, status, attempts):
    server.faults += [{"status": status}] * 4
    with pytest.raises(InputError, match=rf"file\.bin: .*answered {status} .*Ask Ada\.$"):
        fetch(server, tmp_path / "file.bin")
    assert len(server.log) == attempts
    assert not (tmp_path / "file.bin").exists()


def test_a_content_encoding_label_does_not_unpack_the_file(server, tmp_path):
    server.faults += [{"headers": {"Content-Encoding": "gzip"}}]
    assert fetch(server, tmp_path / "file.bin").read_bytes() == CONTENT


def test_no_server_names_the_address_and_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(downloading, "RETRY_WAITS_S", (0,))
    with socket.socket() as taken:  # Bound but not listening: connections are refused.
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.bin"
        (tmp_path / "file.bin.part").write_bytes(b"123")
        with pytest.raises(InputError) as caught:
            download(url, tmp_path / "file.bin", md5=MD5, remedy="Ask Ada.", progress=False)
    assert str(caught.value).startswith(f"{url}: cannot be downloaded (")
    assert "refused" in str(caught.value) and "Max retries" not in str(caught.value)
    assert str(caught.value).endswith("Ask Ada.")
    assert (tmp_path / "file.bin.part").read_bytes() == b"123"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux' always-full device")
def test_a_full_disk_is_named(server, tmp_path):
    (tmp_path / "file.bin.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"cannot be saved as .*No space left.* Ask Ada\.$"):
        fetch(server, tmp_path / "file.bin")


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot be saved as"):
        fetch(server, tmp_path / "file" / "file.bin")


def test_progress_shows_the_name_and_the_bytes(server, tmp_path, capsys):
    fetch(server, tmp_path / "file.bin", progress=True)
    assert "file.bin: 100%" in capsys.readouterr().err
