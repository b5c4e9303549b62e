"""Build the gallery with Sphinx: one site for each language, joined by a switch on every page."""

import importlib.util
import io
import os
import pathlib
import re
import shutil
import tempfile
import warnings

from gen_ai_examples.common.errors import InputError

_NEEDED = (
    "sphinx",
    "jinja2",
    "myst_parser",
    "pydata_sphinx_theme",
    "sphinx_copybutton",
    "sphinx_design",
)
_HERE = pathlib.Path(__file__).parent
# Code of the language, where its site lies below the root, the way from there to the other one.
_LANGUAGES = {"en": ("en", "", "zh/"), "zh": ("zh_CN", "zh", "../")}


def build(folder: pathlib.Path, runs: pathlib.Path | None = None, force: bool = False) -> int:
    """Write the site to `folder`; nothing is there before it is whole.

    Args:
        folder: to be made; one that is not empty is replaced only with `force`.
        runs: folder of saved runs, `RUNS/NAME/answer.json`; their media are shown where there are
            any, and the recorded picture elsewhere.
        force: replace a gallery that is there.

    Returns:
        How many pages were written.

    Raises:
        InputError: Sphinx is missing, `folder` is taken or cannot be written, or a record is
            malformed.
    """
    _check(folder, force)
    # Jupyter brings some of them along, so each is looked for.
    if missing := [name for name in _NEEDED if not importlib.util.find_spec(name)]:
        raise InputError(
            f"The gallery needs {', '.join(missing)}: `pip install 'gen_ai_examples[gallery]'`, "
            "in a checkout `pip install -e '.[gallery]'`."
        )
    from gen_ai_examples.gallery import pages

    with tempfile.TemporaryDirectory(dir=folder.absolute().parent, prefix=".gallery-") as scratch:
        scratch = pathlib.Path(scratch)
        site = scratch / "site"
        for lang, (code, place, other) in _LANGUAGES.items():
            sources = scratch / lang
            pages.write(sources, lang, runs)
            _sphinx(sources, site / place, code, other, pages.WORDS[lang])
        written = len(list(site.rglob("*.html")))
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(site, folder)
    return written


def _check(folder: pathlib.Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a folder to write the gallery to.")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise InputError(f"{folder} is not empty: choose another folder, or add --force.")
        if not (folder / "objects.inv").exists():
            raise InputError(f"{folder} holds no gallery, and is not replaced: name another.")
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder.absolute().parent).close()
    except OSError as error:
        raise InputError(f"Cannot write to {folder.absolute().parent}: {error.strerror}.") from None


def _sphinx(sources: pathlib.Path, target: pathlib.Path, code: str, other: str, words) -> None:
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    settings = {
        "project": words["title"],
        "html_title": words["title"],
        "language": code,
        "extensions": [
            "myst_parser",
            "sphinx_design",
            "sphinx_copybutton",
            "gen_ai_examples.gallery.search",
        ],
        "myst_enable_extensions": ["colon_fence"],
        "suppress_warnings": ["myst.header"],
        "smartquotes": False,
        "templates_path": [str(_HERE / "templates")],
        "html_theme": "pydata_sphinx_theme",
        "html_theme_options": {
            "navbar_center": [],
            "navbar_end": ["language", "theme-switcher"],
            "secondary_sidebar_items": {"examples/*": ["page-toc"]},
            "footer_start": [],
            "footer_end": [],
            "pygments_light_style": "a11y-high-contrast-light",
            "pygments_dark_style": "a11y-high-contrast-dark",
        },
        "html_sidebars": {"**": ["contents"], "index": []},
        "html_context": {
            "default_mode": "auto",
            "other_language": other,
            "other_language_code": "en" if code != "en" else "zh",
            "language_name": words["language"],
            "language_label": words["language_label"],
        },
        "html_static_path": [str(_HERE / "static")],
        "html_css_files": ["gallery.css"],
        "html_extra_path": ["extra"] if (sources / "extra").exists() else [],
        "html_copy_source": False,
        "html_show_search_summary": False,  # fetched, which a browser refuses to do from files
        "html_show_sourcelink": False,
        "html_show_sphinx": False,
        "html_show_copyright": False,
    }
    warned = io.StringIO()
    with patch_docutils(), docutils_namespace():  # as Sphinx's own command does
        app = Sphinx(
            sources,
            None,
            target,
            sources.with_name(f"{sources.name}-doctrees"),
            "html",
            confoverrides=settings,
            status=None,
            warning=warned,
            freshenv=True,
        )
        app.build()
    for line in re.sub(r"\x1b\[[\d;]*m", "", warned.getvalue()).splitlines():
        warnings.warn(f"Sphinx says: {line}", stacklevel=3)
