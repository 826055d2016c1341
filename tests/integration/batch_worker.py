"""A scoring by batch to be killed: python tests/integration/batch_worker.py STORE API_BASE RUN."""

from __future__ import annotations

import sys

from epm.gateway.request import ModelSettings
from epm.judges.score_stored import ScoreOptions, score_stored

if __name__ == "__main__":
    place, server, run = sys.argv[1:]
    model = ModelSettings("openai/gpt-4o-mini", api_base=server, api_key_env="FAKE_KEY", timeout_s=3.0)
    score_stored(run, ScoreOptions(model=model, store=place, is_batch=True, judges=("core", "identifier", "variant")))
