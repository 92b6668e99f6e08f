"""YAML mappings that people write, with the line of each key for messages."""

from pathlib import Path

import yaml

from localizer.errors import InputError

# Deep enough for rows: {name: {augmentation: {flip: 0}}}.
_MAX_DEPTH = 4


class YamlMapping:
    """The content of a YAML file that is a mapping.

    Attributes:
        path: the file.
        text: as it was written.
        content: dict.

    Raises:
        InputError: missing, no YAML, no mapping, with a key twice, with aliases, or with tags for
            Python objects.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._lines = {}
        try:
            self.text = self.path.read_text(encoding="utf-8")
            if line := alias_line(self.text):
                raise InputError(f"{path}, line {line}: aliases (*name) are not allowed")
            self._note_lines(yaml.compose(self.text, yaml.SafeLoader), ())
            self.content = yaml.safe_load(self.text)
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read ({error})") from None
        except RecursionError:
            raise InputError(f"{path}: brackets within brackets, too many of them") from None
        except yaml.MarkedYAMLError as error:
            line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
            raise InputError(f"{path}{line}: no plain YAML ({error.problem})") from None
        except (ValueError, yaml.YAMLError) as error:  # ValueError: a date of the 99th month.
            raise InputError(f"{path}: no plain YAML ({error})") from None
        if not isinstance(self.content, dict):
            raise InputError(f"{path}: a mapping was expected, lines such as `seeds: [0, 1, 2]`")

    def error(self, keys, message):
        """An InputError that names the file and the line of a key.

        Args:
            keys: the keys that lead to it, from the outside in; () for the file as a whole.
        """
        while keys and keys not in self._lines:
            keys = keys[:-1]
        line = f", line {self._lines[keys]}" if keys else ""
        return InputError(f"{self.path}{line}: {message}")

    def _note_lines(self, node, keys):
        if not isinstance(node, yaml.MappingNode) or len(keys) == _MAX_DEPTH:
            return
        names = []
        for key, value in node.value:
            # As YAML reads it: `yes` and `true` are one key, and so are `1` and `0x1`.
            read = yaml.safe_load(yaml.serialize(key))
            name = str(read)
            here = (*keys, name)
            self._lines[here] = key.start_mark.line + 1
            if isinstance(read, bool):
                raise self.error(
                    here, f"YAML reads {key.value} as {str(read).lower()}; write '{key.value}'"
                )
            # To a dict, 1 and 1.0 are one key.
            if any(name == str(other) or read == other for other in names):
                raise self.error(here, f"{name} is there twice")
            names.append(read)
            self._note_lines(value, here)


def alias_line(text):
    """Number of the line of the first alias (`*name`) in a YAML text; None without one.

    Raises:
        yaml.YAMLError, RecursionError: it is no YAML, or brackets within brackets without end.
    """
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            return event.start_mark.line + 1
    return None
