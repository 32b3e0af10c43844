"""Fixtures of the suite: a scratch folder with a repository, and one event loop backend."""

import pytest

from support import git


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def folder(tmp_path):
    """What the servers expect to find: a folder for files, a repository with one commit, a home for the bridge."""
    for name in ("files", "home", "repo"):
        (tmp_path / name).mkdir()
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for key, value in {"user.name": "Interop", "user.email": "interop@example.invalid", "commit.gpgsign": "false"}.items():
        git(tmp_path, "config", key, value)
    (tmp_path / "repo" / "first.txt").write_text("first\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path
