"""The official archives: small ones of the same shape, from a real server on loopback."""

import gzip
import hashlib
import io
import os
import random
import subprocess
import sys
import tarfile
import zlib

import pytest

from localizer.errors import InputError
from localizer.files import downloading
from localizer.sources.oxford import archives as oxford_archives
from localizer.sources.oxford.archives import Archive, fetch, is_present
from tests.conftest import REPOSITORY
from tests.files.test_downloading import FileServer

IMAGES = {f"images/Abyssinian_{i}.jpg": random.Random(i).randbytes(700) for i in range(1, 30)}
ANNOTATIONS = {
    "annotations/list.txt": b"Abyssinian_1 1 1 1\n",
    "annotations/trainval.txt": b"Abyssinian_1 1 1 1\n",
    "annotations/test.txt": b"",
    "annotations/xmls/Abyssinian_1.xml": b"<annotation/>",
    "annotations/trimaps/Abyssinian_1.png": b"png",
}


def tar_gz(files, *special):
    """A .tar.gz of `files` (name -> bytes) and then the TarInfo objects `special`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in special:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return buffer.getvalue()


def archive(name, content):
    proof = {"images.tar.gz": "images/*.jpg", "annotations.tar.gz": "annotations/list.txt"}[name]
    return Archive(name, hashlib.md5(content).hexdigest(), len(content), proof)


def files_below(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "archives" not in path.parts
    }


FILES = {"images.tar.gz": tar_gz(IMAGES), "annotations.tar.gz": tar_gz(ANNOTATIONS)}
ARCHIVES = tuple(archive(name, content) for name, content in FILES.items())


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(downloading, "RETRY_WAITS_S", (0,))
    with FileServer(dict(FILES)) as running:
        yield running


def fetch_quietly(root, server, archives=ARCHIVES):
    fetch(root, server.url + "/", progress=False, archives=archives)


def fetch_local(root, content, **options):
    """Unpack `content` as the user's own images.tar.gz, with no server to ask."""
    root.mkdir()
    (root / "images.tar.gz").write_bytes(content)
    archives = (archive("images.tar.gz", content),)
    fetch(root, "http://127.0.0.1:9", progress=False, archives=archives, **options)


def test_fetch_brings_the_official_layout(server, tmp_path):
    root = tmp_path / "pets"
    assert not is_present(root)
    fetch_quietly(root, server)
    assert is_present(root)
    assert files_below(root) == IMAGES | ANNOTATIONS
    assert sorted(p.name for p in root.iterdir()) == ["annotations", "archives", "images"]
    fetch_quietly(root, server)
    assert len(server.log) == 2


def test_the_official_constants():
    by_name = {archive.name: archive for archive in oxford_archives.ARCHIVES}
    assert by_name["images.tar.gz"].size == 791_918_971
    assert by_name["images.tar.gz"].md5 == "5c4f3ee8e5d25df40f4fd59a7f44e54c"
    assert by_name["annotations.tar.gz"].md5 == "95a8c909bbe2e81eed6a22bccdf3f68f"


@pytest.mark.parametrize("place", [".", "archives"])
def test_archives_at_hand_need_no_network(server, tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    for name, content in FILES.items():
        (tmp_path / place / name).write_bytes(content)
    fetch_quietly(tmp_path, server)
    assert is_present(tmp_path) and server.log == []


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"half a download", "15 bytes instead of"),
        (FILES["images.tar.gz"][:-1] + b"?", "md5 is .* instead of"),
    ],
)
def test_a_wrong_archive_at_hand_is_named_and_kept(server, tmp_path, content, problem):
    (tmp_path / "images.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=rf"images\.tar\.gz: {problem}"):
        fetch_quietly(tmp_path, server)
    assert (tmp_path / "images.tar.gz").read_bytes() == content
    assert not (tmp_path / "images").exists()


def test_only_the_missing_archive_is_fetched(server, tmp_path):
    fetch_quietly(tmp_path, server, ARCHIVES[:1])
    assert not is_present(tmp_path)
    (tmp_path / "archives" / "images.tar.gz").unlink()
    server.log.clear()
    fetch_quietly(tmp_path, server)
    assert is_present(tmp_path)
    assert [entry[0] for entry in server.log] == ["/annotations.tar.gz"]


def test_no_network_names_both_ways_out(server, tmp_path):
    server.files.clear()
    with pytest.raises(InputError) as caught:
        fetch_quietly(tmp_path, server)
    for part in (server.url, "--root DIR", "OXFORD_PET_ROOT", f".tar.gz into {tmp_path}."):
        assert part in str(caught.value)


def test_a_folder_of_the_users_own_is_not_touched(server, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"images: is there but holds no \*\.jpg"):
        fetch_quietly(tmp_path, server)
    assert files_below(tmp_path) == {"images/mine.txt": b"mine"}
    (tmp_path / "images" / "mine.txt").unlink()
    fetch_quietly(tmp_path, server)
    assert is_present(tmp_path)


def special(name, kind, **fields):
    member = tarfile.TarInfo(name)
    member.type = kind
    for field, value in fields.items():
        setattr(member, field, value)
    return member


@pytest.mark.parametrize(
    "member",
    [
        special("../escaped.jpg", tarfile.REGTYPE, size=3),
        special("images/../../escaped.jpg", tarfile.REGTYPE, size=3),
        special("/escaped.jpg", tarfile.REGTYPE, size=3),
        special("images/out", tarfile.SYMTYPE, linkname="../.."),
        special("images/inside", tarfile.SYMTYPE, linkname="Abyssinian_1.jpg"),
        special("images/hard", tarfile.LNKTYPE, linkname="images/Abyssinian_1.jpg"),
        special("images/null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        special("images/pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda member: member.name,
)
def test_hostile_members_are_refused_and_nothing_stays(tmp_path, member):
    root = tmp_path / "pets"
    with pytest.raises(InputError, match=f"refused, '{member.name}'"):
        fetch_local(root, tar_gz(IMAGES, member))
    assert [path.name for path in root.iterdir()] == ["images.tar.gz"]
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


@pytest.mark.parametrize(
    "bomb",
    [
        tar_gz(IMAGES, special("images/zeros.jpg", tarfile.REGTYPE, size=120_000)),
        tar_gz({f"images/{i}.jpg": b"" for i in range(300)}),
    ],
    ids=["one large file", "many empty files"],
)
def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch, bomb):
    monkeypatch.setattr(oxford_archives, "MAX_EXTRACTED_BYTES", 100_000)
    with pytest.raises(InputError, match="more than 100,000 bytes"):
        fetch_local(tmp_path / "pets", bomb)
    assert not (tmp_path / "pets" / "images").exists()
    fetch_local(tmp_path / "fine", FILES["images.tar.gz"])
    assert files_below(tmp_path / "fine" / "images")


def damaged_in_the_middle(content):
    """The first 10,000 bytes of the tar, then a deflate block of the reserved type 3 (RFC 1951)."""
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(gzip.decompress(content)[:10_000]) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + b"\xff" * 100


@pytest.mark.parametrize(
    "content",
    [
        FILES["images.tar.gz"][:-300],
        b"no archive at all",
        gzip.compress(b"no tar"),
        damaged_in_the_middle(FILES["images.tar.gz"]),
        tar_gz(ANNOTATIONS),
        tar_gz({"images/README": b"no photo"}),
    ],
    ids=["truncated", "text", "gzip of text", "damaged", "another archive", "no photos"],
)
def test_what_is_no_archive_of_photos_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"images\.tar\.gz"):
        fetch_local(tmp_path / "pets", content)
    assert [path.name for path in (tmp_path / "pets").iterdir()] == ["images.tar.gz"]


KILLED_AT_FILE_17 = """
import os, signal, sys
from localizer.sources.oxford.archives import Archive, fetch

def kill(event, args):
    if event == "open" and str(args[0]).endswith("Abyssinian_17.jpg"):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
name, md5, size, proof = sys.argv[2:]
fetch(sys.argv[1], progress=False, archives=(Archive(name, md5, int(size), proof),))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_leaves_no_folder_and_the_next_one_finishes(server, tmp_path):
    (tmp_path / "images.tar.gz").write_bytes(FILES["images.tar.gz"])
    images = ARCHIVES[0]
    arguments = [tmp_path, images.name, images.md5, images.size, images.proof]
    command = [sys.executable, "-c", KILLED_AT_FILE_17, *map(str, arguments)]
    repository = REPOSITORY
    killed = subprocess.run(command, cwd=repository, timeout=600)
    assert killed.returncode == -9
    assert len(list(tmp_path.rglob("*.jpg"))) == 16  # It was in the middle of it,
    assert not (tmp_path / "images").exists()  # and nothing looks finished.
    fetch_quietly(tmp_path, server)
    assert files_below(tmp_path) == IMAGES | ANNOTATIONS | {"images.tar.gz": FILES["images.tar.gz"]}


def test_a_real_copy_is_present():
    root = os.environ.get("OXFORD_PET_ROOT")
    if not root:
        pytest.skip("OXFORD_PET_ROOT is not set")
    assert is_present(root)
    fetch(root, "http://127.0.0.1:9", progress=False)
