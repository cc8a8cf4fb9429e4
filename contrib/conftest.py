"""What the tests of all alert channels share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.notices import RealContext


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both, unless its module says otherwise."""
    return request.param


@pytest.fixture
async def ctx(anyio_backend: str) -> AsyncIterator[RealContext]:
    """What a channel is given."""
    async with RealContext() as given:
        yield given
