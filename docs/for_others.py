"""Files for Grafana and Prometheus, as `auscult grafana export` and `auscult prometheus rules` make them.

`build.py` writes and checks the files that `for_others` names.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from click.testing import CliRunner

from auscult.cli.grafana import command as grafana
from auscult.cli.prometheus import command as prometheus

__all__ = ["for_others"]

_PLACE = Path(__file__).parent / "dashboards"


def for_others() -> dict[Path, str]:
    """Each file, and what stands in it when it is current."""
    runner = CliRunner(env={"AUSCULT_CONFIG": ""})
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "auscult.toml"
        empty.write_text("[components]\n", encoding="utf-8")
        config, made = ["--config", str(empty)], Path(folder) / "grafana"
        done = runner.invoke(grafana, ["export", str(made), *config], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        files = {_PLACE / "grafana" / file.name: file.read_text("utf-8") for file in sorted(made.iterdir())}
        done = runner.invoke(prometheus, ["rules", *config], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    return {**files, _PLACE / "prometheus-rules.yml": done.stdout}
