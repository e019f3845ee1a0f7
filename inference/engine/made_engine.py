"""Makes the engine that a configuration names, and loads Ray only for one that needs it."""

from inference.engine.section import EngineSection
from inference.engine.study_engine import Engine


def make_engine(section: EngineSection) -> Engine:
    """The engine of a section; ConfigError where the environment forbids it."""
    if section.kind == "ray":
        from inference.engine.ray_engine import RayEngine

        return RayEngine(section)
    from inference.engine.local_engine import LocalEngine

    return LocalEngine(section)
