"""The dashboards as files that Grafana reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from lab.model import Lab
from lab.monitoring.grafana import data_source, grafana
from lab.services.monitored import seen
from scripts.errors import LabError, one_line


def write(lab: Lab, url: str, folder: str) -> Iterator[Path]:
    """Write each dashboard, and where Prometheus is; the files. Raises LabError."""
    target = Path(folder)
    texts = {
        **{f"{name}.json": found for name, found in grafana(lab, seen(lab)).items()},
        "datasource.yml": data_source(url),  # JSON is YAML, too
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in texts.items():
            path = target / name
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            yield path
    except OSError as error:
        raise LabError(f"{target} cannot be written: {one_line(error)}") from error
