"""Search in Chinese, which Sphinx leaves to a dictionary: every pair of neighbouring characters."""

import re

from sphinx.search import SearchLanguage

_TOKENS = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z0-9_]+")


class PairsOfCharacters(SearchLanguage):
    """Chinese by pairs of characters, anything else by words.

    A query is split as the pages are, so that any stretch of two or more characters is found
    where all its pairs are.
    """

    lang = "zh"
    language_name = "Chinese"
    js_splitter_code = """
function splitQuery(query) {
  return (query.match(/[\\u4e00-\\u9fff]+|[A-Za-z0-9_]+/g) || []).flatMap((token) =>
    token.charCodeAt(0) < 0x4e00 || token.length < 2
      ? [token]
      : [...token].slice(1).map((character, i) => token[i] + character)
  );
}
"""

    def split(self, input: str) -> list[str]:
        return [part for token in _TOKENS.findall(input) for part in _pairs(token)]

    def stem(self, word: str) -> str:
        return word.lower()


def _pairs(token: str) -> list[str]:
    if token[0] < "\u4e00" or len(token) < 2:
        return [token]
    return [token[i : i + 2] for i in range(len(token) - 1)]


def setup(app) -> dict:
    app.add_search_language(PairsOfCharacters)
    return {"parallel_read_safe": True}
