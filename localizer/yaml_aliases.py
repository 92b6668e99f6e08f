"""The guard against YAML in which a few lines, each ten times the one before, fill any memory."""

import yaml


def alias_line(text):
    """Number of the line of the first alias (`*name`) in a YAML text; None without one.

    Raises:
        yaml.YAMLError, RecursionError: it is no YAML, or brackets within brackets without end.
    """
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            return event.start_mark.line + 1
    return None
