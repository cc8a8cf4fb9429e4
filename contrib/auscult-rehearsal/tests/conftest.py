"""The stand-ins, running in a process of their own."""

import importlib.util
import os
import shutil
from collections.abc import Iterator

import pytest

from auscult_rehearsal.client import Control, running_stack


def missing(what: str, install: str) -> None:
    """Fail in CI, skip elsewhere."""
    message = f"{what} is not installed; run: {install}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def anyio_backend() -> str:
    """The stand-ins and most vendors' clients are asyncio's."""
    return "asyncio"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """Everything real that can be real."""
    if shutil.which("flite") is None:
        missing("flite", "apt-get install flite")
    if shutil.which("redis-server") is None:
        missing("redis-server", "apt-get install redis-server")
    if importlib.util.find_spec("pocketsphinx") is None:
        missing("pocketsphinx", "pip install --no-deps pocketsphinx")
    with running_stack(tmp_path_factory.mktemp("rehearsal")) as control:
        yield control


@pytest.fixture
def control(stack: Control) -> Iterator[Control]:
    """Everything in order before and after."""
    stack.mend()
    yield stack
    stack.mend()
