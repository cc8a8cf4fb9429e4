"""nginx, once for all modules here that share its xdist group."""

from collections.abc import Iterator

import pytest
from tests.servers.nginx import Nginx, nginx


@pytest.fixture(scope="session")
def _running_nginx() -> Iterator[Nginx]:
    with nginx() as server:
        yield server


@pytest.fixture
def web(_running_nginx: Nginx) -> Nginx:
    """nginx, up whatever the test before did to it."""
    _running_nginx.server.start()
    return _running_nginx
