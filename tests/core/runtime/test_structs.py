"""Structs that threads share: msgspec 0.22 ends the process where two need a class for the first time."""

import gc
import subprocess
import sys

import msgspec
import pytest

from auscult import Monitor, Stat
from auscult.model import Reading
from auscult.runtime.structs import prepare_structs

_RACE = """
import sys, threading
import msgspec
from auscult.model import Reading
from auscult.runtime.structs import prepare_structs
from auscult.runtime.structs import prepare_structs

prepare_structs()
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)

def convert():
    together.wait()
    for _ in range(20):
        msgspec.convert({"status": "healthy", "measurements": {"a": 1.0}}, Reading, strict=False)

threads = [threading.Thread(target=convert) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("well")
"""


@pytest.mark.parametrize("time", range(4))
def test_threads_that_begin_together_live(time):
    """Without the preparation six processes of ten end with a segmentation fault here."""
    done = subprocess.run([sys.executable, "-c", _RACE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr


def is_ready(kind: type) -> bool:
    """Whether msgspec has looked at its fields."""
    return any(type(each).__name__ == "StructInfo" for each in gc.get_referents(kind))


@pytest.mark.anyio
async def test_a_monitor_that_runs_has_prepared_everything():
    """Also a class that came after an earlier monitor began; one that nothing can be decoded to is let be."""

    class Brought(msgspec.Struct):
        name: str

    class Never(msgspec.Struct):
        either: Brought | Reading

    assert not is_ready(Brought)
    async with Monitor(state_dir=None):
        assert all(map(is_ready, (Reading, Stat, Brought)))
    assert not is_ready(Never)


def test_a_class_that_will_not_be_looked_at_harms_nobody():
    """A plugin's metaclass that raises whatever it is asked, and an annotation of a name that there is not."""
    own = type("Own", (type(msgspec.Struct),), dict.fromkeys(("__hash__", "__eq__", "__getattribute__"), _refuse))
    kept = [own("Bad", (msgspec.Struct,), {"__annotations__": {"a": int}})]

    class Missing(msgspec.Struct):
        other: "Nowhere"  # noqa: F821

    class After(msgspec.Struct):
        a: int

    prepare_structs()
    assert is_ready(After)
    assert not is_ready(Missing)
    assert len(kept) == 1


def _refuse(*_: object) -> object:
    raise RuntimeError("on purpose")
