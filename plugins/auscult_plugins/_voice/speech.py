"""Whether audio is speech that a caller would hear: loudness, onset, length, clipping, stuck samples.

Pure and blocking: a clip of 3 s takes some 20 ms, so callers use a thread.
"""

from __future__ import annotations

import math
from array import array
from itertools import groupby, pairwise
from operator import mul
from typing import Annotated

import msgspec
from msgspec import Struct

from auscult import Status
from auscult_plugins._voice.wave import Clip

__all__ = ["Finding", "Sound", "SpeechLimits", "judge", "measure"]

_FULL = 32768.0
_FLOOR = -120.0
"""dBFS shown for digital silence, which has no logarithm."""
_GATE = -40.0
"""dBFS over 10 ms from which on a sample counts as audible, once it lasts for 50 ms."""
_WINDOW, _SUSTAINED = 10, 50
"""Milliseconds."""
_LOOP_LAGS = (*(range(10, 201, 10)), *(-256, -512, -1024, -2048, -4096))
"""Distances at which a looped buffer repeats: milliseconds, and negative ones in samples."""
_STUCK = 0.2
_Level = Annotated[float, msgspec.Meta(le=0)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=100)]
_Positive = Annotated[float, msgspec.Meta(ge=0)]


class SpeechLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on audio is degraded or unhealthy. The defaults lie around what good voices measure."""

    silent_dbfs: _Level = -55.0
    """Quieter than this, over the whole clip, is silence: unhealthy."""
    quiet_dbfs: _Level = -45.0
    """Quieter than this is degraded; good voices measure -32 to -14."""
    leading_silence: _Positive = 0.5
    """Seconds before the first audible sample; more is degraded."""
    clipping_degraded_percent: _Share = 0.1
    """Share of samples at full scale; more is degraded."""
    clipping_unhealthy_percent: _Share = 1.0
    """Share of samples at full scale; more is unhealthy."""
    dc_offset: _Positive = 0.02
    """Distance of the mean from zero, of full scale; more is degraded."""
    slowest: _Positive = 3.0
    """Characters per second; slower is unhealthy (twice this is degraded). Voices speak 12 to 17."""
    fastest: _Positive = 60.0
    """Characters per second; faster is unhealthy (half of this is degraded)."""
    starved: _Positive = 0.1
    """Seconds a player would have waited for audio after it began; more is degraded."""


class Sound(Struct, frozen=True):
    """A clip in numbers."""

    seconds: float
    rms_dbfs: float
    peak_dbfs: float
    clipping_percent: float
    dc_offset: float
    onset: float | None
    """Seconds before the first audible sample; None when nothing is audible."""
    stuck: float
    """Longest run, in seconds, of one value that is not zero, or of a buffer that repeats."""
    starved: float
    """Seconds a player that began at the first byte would have waited."""


class Finding(Struct, frozen=True):
    """One thing that is wrong with a clip."""

    status: Status
    text: str


def measure(clip: Clip) -> Sound:
    """The clip in numbers. Raises ValueError for an empty one."""
    samples = clip.samples
    if not samples:
        raise ValueError("an empty clip has no loudness")
    count = len(samples)
    mean = sum(samples) / count
    power = sum(map(mul, samples, samples)) / count
    loudest, lowest = max(samples), min(samples)
    full = sum(1 for sample in samples if sample >= 32735 or sample <= -32735)
    return Sound(
        seconds=clip.seconds,
        rms_dbfs=_dbfs(math.sqrt(power)),
        peak_dbfs=_dbfs(max(loudest, -lowest)),
        clipping_percent=100 * full / count,
        dc_offset=abs(mean) / _FULL,
        onset=_onset(samples, clip.rate),
        stuck=max(_longest_run(samples) / clip.rate, _longest_loop(samples, clip.rate)),
        starved=_starved(clip),
    )


def _dbfs(amplitude: float) -> float:
    return max(_FLOOR, 20 * math.log10(amplitude / _FULL)) if amplitude else _FLOOR


def _onset(samples: array[int], rate: int) -> float | None:
    """Seconds to where windows of 10 ms, their mean removed, stay above the gate for 50 ms; looked for at every ms."""
    step = max(1, rate // 1000)
    blocks = [samples[begin : begin + step] for begin in range(0, len(samples), step)]
    sums = [sum(block) for block in blocks]
    squares = [sum(map(mul, block, block)) for block in blocks]
    gate = (_FULL * 10 ** (_GATE / 20)) ** 2
    size = _WINDOW * step
    loud = 0
    for begin in range(max(1, len(blocks) - _WINDOW + 1)):
        mean = sum(sums[begin : begin + _WINDOW]) / size
        variance = sum(squares[begin : begin + _WINDOW]) / size - mean * mean
        loud = loud + 1 if variance >= gate else 0
        if loud >= _SUSTAINED - _WINDOW:
            return (begin - loud + 1) * step / rate
    return None


def _longest_run(samples: array[int]) -> int:
    """Longest run of one value; zeros, and what is near, are pauses."""
    return max((sum(1 for _ in run) for value, run in groupby(samples) if abs(value) > 8), default=0)


def _longest_loop(samples: array[int], rate: int) -> float:
    """Seconds over which the samples repeat themselves exactly at the distance of some usual buffer, pauses apart."""
    block = max(1, rate // 100)
    longest = 0
    for lag in _LOOP_LAGS:
        distance = -lag if lag < 0 else lag * rate // 1000
        run = 0
        for begin in range(0, len(samples) - distance - block, block):
            now = samples[begin : begin + block]
            same = now == samples[begin + distance : begin + distance + block] and max(now) - min(now) > 16
            run = run + 1 if same else 0
            longest = max(longest, run)
    return longest * block / rate


def _starved(clip: Clip) -> float:
    """Seconds a player, begun at the first byte, runs dry before the rest comes."""
    waited = 0.0
    for (_, there), (at, _) in pairwise(clip.arrivals):
        waited += max(0.0, at - clip.arrivals[0][0] - waited - there)
    return waited


def judge(clip: Clip, sound: Sound, text: str, limits: SpeechLimits) -> list[Finding]:
    """What is wrong, worst first; `text` is what should have been spoken."""
    if sound.rms_dbfs < limits.silent_dbfs:
        return [
            Finding(
                Status.UNHEALTHY,
                f"the audio is silence: {sound.seconds:.2g} s at {sound.rms_dbfs:.0f} dBFS, where speech is above "
                f"{limits.silent_dbfs:.0f}",
            )
        ]
    found = [*_levels(sound, limits), *_lengths(clip, sound, text, limits)]
    return sorted(found, key=lambda finding: -finding.status.badness)


def _levels(sound: Sound, limits: SpeechLimits) -> list[Finding]:
    found = []
    if sound.stuck > _STUCK:
        found.append(Finding(Status.UNHEALTHY, f"the same samples repeat for {sound.stuck:.2g} s (stuck or looped)"))
    if sound.clipping_percent > limits.clipping_degraded_percent:
        status = Status.UNHEALTHY if sound.clipping_percent > limits.clipping_unhealthy_percent else Status.DEGRADED
        found.append(Finding(status, f"{sound.clipping_percent:.2g} % of the samples are clipped"))
    if sound.rms_dbfs < limits.quiet_dbfs:
        found.append(Finding(Status.DEGRADED, f"it is very quiet ({sound.rms_dbfs:.0f} dBFS)"))
    if sound.dc_offset > limits.dc_offset:
        found.append(Finding(Status.DEGRADED, f"its mean is {sound.dc_offset:.2g} of full scale away from zero"))
    if sound.onset is not None and sound.onset > limits.leading_silence:
        found.append(Finding(Status.DEGRADED, f"it begins with {sound.onset:.2g} s of silence"))
    return found


def _lengths(clip: Clip, sound: Sound, text: str, limits: SpeechLimits) -> list[Finding]:
    found = []
    pace = len(text) / sound.seconds
    if not limits.slowest <= pace <= limits.fastest:
        found.append(Finding(Status.UNHEALTHY, _pace(sound, text, pace)))
    elif not limits.slowest * 2 <= pace <= limits.fastest / 2:
        found.append(Finding(Status.DEGRADED, _pace(sound, text, pace)))
    if clip.missing > 0.02:
        found.append(Finding(Status.UNHEALTHY, f"its last {clip.missing:.2g} s, which the header promised, never came"))
    if sound.starved > limits.starved:
        found.append(Finding(Status.DEGRADED, f"it came too slowly: a player would have waited {sound.starved:.2g} s"))
    return found


def _pace(sound: Sound, text: str, pace: float) -> str:
    return f"{len(text)} characters in {sound.seconds:.2g} s ({pace:.3g} a second) is no speech; voices speak 12 to 17"
