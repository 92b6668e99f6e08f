"""YAML mappings that people write, with the line of each key for messages."""

from pathlib import Path

import yaml

from localizer.errors import InputError

# Deep enough for rows: {name: {augmentation: {flip: 0}}}; an alias can make a file endless.
_MAX_DEPTH = 4


class YamlMapping:
    """The content of a YAML file that is a mapping.

    Attributes:
        path: the file.
        text: as it was written.
        content: dict.

    Raises:
        InputError: missing, no YAML, no mapping, with a key twice, or with tags for Python objects.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._lines = {}
        try:
            self.text = self.path.read_text(encoding="utf-8")
            self._note_lines(yaml.compose(self.text, yaml.SafeLoader), ())
            self.content = yaml.safe_load(self.text)
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read ({error})") from None
        except yaml.YAMLError as error:
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
        for key, value in node.value:
            here = (*keys, str(key.value))
            if here in self._lines:
                self._lines[here] = key.start_mark.line + 1
                raise self.error(here, f"{key.value} is there twice")
            self._lines[here] = key.start_mark.line + 1
            self._note_lines(value, here)
