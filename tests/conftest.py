"""Settings of the whole suite: no model hub, and no deadlines, because shared machines are slow at any moment."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from epm.config import stay_offline

stay_offline()
settings.register_profile("epm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("epm")
