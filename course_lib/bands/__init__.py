"""Reference bands: stored learning curves of each run over many seeds, to hold one's own against.

`python -m course_lib.bands [RUN …] [--seeds N]` makes them; `course_lib.runs.reference_band` reads
them."""

from pathlib import Path


def band_path(run_name: str) -> Path:
    """Where the band of a run is stored."""
    return Path(__file__).parent / f"{run_name}.npz"
