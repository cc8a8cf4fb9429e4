"""``python -m auscult_rehearsal.recogniser``: reads utterances (4 bytes of length, PCM), writes a line for each.

Ends when standard input does.
"""

from __future__ import annotations

import sys

from pocketsphinx import Decoder  # type: ignore[import-untyped]

from auscult_rehearsal.engines import RATE


def main() -> None:
    """Until the input ends."""
    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(4)) == 4:
        pcm = source.read(int.from_bytes(head, "big"))
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        sink.write(f"{heard.hypstr if heard else ''}\n".encode())
        sink.flush()


main()
