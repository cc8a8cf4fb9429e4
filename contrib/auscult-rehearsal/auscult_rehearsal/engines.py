"""Real speech where it can be had: Debian's flite speaks, PyPI's pocketsphinx listens. Else clips that we ship."""

from __future__ import annotations

import array
import asyncio
import importlib.util
import io
import shutil
import sys
import tempfile
import wave
from pathlib import Path
from typing import Protocol

__all__ = ["RATE", "ClipMouth", "ClipEars", "Ears", "Mouth", "pcm_of", "choose_ears", "choose_mouth", "resample"]

RATE = 16000
"""Samples per second of all audio in here: 16 bit, mono."""
_CLIPS = Path(__file__).parent / "clips"


class Mouth(Protocol):
    """Speaks."""

    name: str
    note: str

    async def say(self, text: str) -> bytes:
        """`text` as PCM."""
        ...


class Ears(Protocol):
    """Listens."""

    name: str
    note: str

    async def start(self) -> None:
        """Get ready."""
        ...

    async def hear(self, pcm: bytes) -> str:
        """What is said."""
        ...

    async def stop(self) -> None:
        """Leave nothing behind."""
        ...


def choose_mouth(*, clips_only: bool = False) -> Mouth:
    """Flite where it is installed."""
    program = None if clips_only else shutil.which("flite")
    return FliteMouth(program) if program else ClipMouth()


def choose_ears(*, clips_only: bool = False) -> Ears:
    """Pocketsphinx where it is installed."""
    if clips_only or importlib.util.find_spec("pocketsphinx") is None:
        return ClipEars()
    return SphinxEars()


def pcm_of(audio: bytes) -> bytes:
    """The samples of a WAV, at `RATE`. Raises ValueError for anything else."""
    try:
        with wave.open(io.BytesIO(audio)) as file:
            if file.getsampwidth() != 2:
                raise ValueError("expected 16 bits a sample")
            # Streamed files promise more frames than they have.
            samples = array.array("h", file.readframes(len(audio)))
            channels, rate = file.getnchannels(), file.getframerate()
    except (wave.Error, EOFError) as error:
        raise ValueError(str(error) or "the file ends in its header") from error
    if sys.byteorder == "big":
        samples.byteswap()
    return resample(samples[::channels].tobytes(), rate, RATE)


def resample(pcm: bytes, rate: int, wanted: int) -> bytes:
    """PCM at another rate, by straight lines between samples: good enough to be heard and recognised."""
    if rate == wanted:
        return pcm
    samples = array.array("h", pcm)
    count = len(samples) * wanted // rate
    last = len(samples) - 1
    result = array.array("h", bytes(2 * count))
    for index in range(count):
        whole, part = divmod(index * rate, wanted)
        after = samples[min(whole + 1, last)]
        result[index] = samples[whole] + (after - samples[whole]) * part // wanted
    return result.tobytes()


def _clips() -> dict[str, bytes]:
    """Text to PCM."""
    return {path.stem.replace("-", " "): pcm_of(path.read_bytes()) for path in sorted(_CLIPS.glob("*.wav"))}


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split())


class FliteMouth:
    """Debian's flite with its voice ``rms``, one process per text."""

    name = "flite"
    note = "speaks with flite, voice rms"

    def __init__(self, program: str) -> None:
        self._program = program

    async def say(self, text: str) -> bytes:
        """See `Mouth.say`."""
        with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
            path = Path(folder) / "speech.wav"
            process = await asyncio.create_subprocess_exec(
                self._program, "-voice", "rms", "-t", text, "-o", str(path), stdin=asyncio.subprocess.DEVNULL
            )
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
            if code:
                raise RuntimeError(f"flite ended with exit code {code}")
            return pcm_of(path.read_bytes())


class ClipMouth:
    """Plays the clip whose text is asked for, or the first one."""

    name = "clips"
    note = "flite is not installed: plays clips that come with the rehearsal (apt-get install flite)"

    def __init__(self) -> None:
        self._clips = _clips()

    async def say(self, text: str) -> bytes:
        """See `Mouth.say`."""
        return self._clips.get(_plain(text)) or next(iter(self._clips.values()))


class SphinxEars:
    """PyPI's pocketsphinx with the model it carries, in a process of its own.

    It holds the interpreter for as long as it works, half a second for a sentence: in a thread it would hold up every
    other stand-in. It is asked for whole utterances, because in pieces its result depends on what it heard before.
    """

    name = "pocketsphinx"
    note = "recognises with pocketsphinx"

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """See `Ears.start`."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "auscult_rehearsal.recogniser",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    async def hear(self, pcm: bytes) -> str:
        """See `Ears.hear`. Raises RuntimeError when the process is gone."""
        process = self._process
        assert process is not None, "start() comes first"
        assert process.stdin is not None
        assert process.stdout is not None
        async with self._turn:
            process.stdin.write(len(pcm).to_bytes(4, "big") + pcm)
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the recogniser is gone")
        return line.decode().strip()

    async def stop(self) -> None:
        """See `Ears.stop`."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            await process.wait()


class ClipEars:
    """Knows the clips that come with the rehearsal, to the sample, and nothing else."""

    name = "clips"
    note = (
        "pocketsphinx is not installed: knows only the clips that come with the rehearsal "
        "(pip install --no-deps pocketsphinx, with Python 3.11 or 3.13)"
    )

    def __init__(self) -> None:
        self._texts = {pcm: text for text, pcm in _clips().items()}

    async def start(self) -> None:
        """See `Ears.start`."""

    async def stop(self) -> None:
        """See `Ears.stop`."""

    async def hear(self, pcm: bytes) -> str:
        """See `Ears.hear`."""
        return self._texts.get(pcm, "")
