"""The settings of a project: `[tool.costaudit]` of pyproject.toml, or a costaudit.toml.

Imported only when there is such a file: pydantic takes longer to import than most commands take to run.
"""

from costaudit.config.model import Config, DiscountSetting
from costaudit.config.read import Settings, find_settings, parse_config

__all__ = ["Config", "DiscountSetting", "Settings", "find_settings", "parse_config"]
