"""Pages of HTML from templates, every value escaped."""

import base64
import hashlib

import jinja2
from markupsafe import Markup


def open_templates(*folders):
    """The templates of some folders, looked for in this order.

    Values are escaped, and an unknown name is an error, not empty.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def inline_script(script):
    """What a template needs to allow one script and no other, whatever a name may smuggle in.

    Args:
        script: JavaScript.

    Returns:
        Dict: `script`, not escaped, and `script_hash` for the page's Content-Security-Policy.
    """
    digest = hashlib.sha256(script.encode()).digest()
    return {"script": Markup(script), "script_hash": base64.b64encode(digest).decode()}
