"""HTML pages that stand alone: nothing fetched, light and dark as the reader prefers.

A page says its own style in the colours that are named here.
"""

_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --page: #fcfcfb; --ink: #1d1d1b; --dim: #6d6d68;
  --line: #d9d9d4; --blue: #dbe8f6; --blue-edge: #3b76b5; --amber: #fbe6cf;
  --amber-edge: #b4691a; }}
@media (prefers-color-scheme: dark) {{ :root {{ --page: #191918; --ink: #ececea; --dim: #a3a39e;
  --line: #3a3a37; --blue: #1f364f; --blue-edge: #7db0e6; --amber: #47300f;
  --amber-edge: #e2a55b; }} }}
body {{ background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.15rem; margin-block: 0 .2rem; }} .dim {{ color: var(--dim); }}
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def document(title: str, style: str, body: str) -> str:
    """A page; `style` and `body` are CSS and HTML already."""
    return _DOCUMENT.format(title=escape(title), style=style.strip(), body=body.strip())


def escape(text: str) -> str:
    """Text that HTML takes as text."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return text
