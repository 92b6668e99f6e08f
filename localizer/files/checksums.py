"""Checksums of files and folders."""

import hashlib
from pathlib import Path


def sha256_of(path):
    """Checksum of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum(path):
    """SHA-256 of a model's file, or of the names and sums of a folder's files; None without."""
    if path is None:
        return None
    path = Path(path)
    if path.is_file():
        return sha256_of(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
