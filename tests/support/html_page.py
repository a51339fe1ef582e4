"""The data that a page of the HTML report carries packed."""

from __future__ import annotations

import base64
import gzip
import re

_DATA = re.compile(r'(<script id="data"[^>]*>)([^<]*)(?=</script>)')


def packed_data(page: str) -> str:
    """The data of a page as JSON."""
    found = _DATA.search(page)
    assert found is not None
    return gzip.decompress(base64.b64decode(found[2])).decode()


def with_data_unpacked(page: str) -> str:
    """A page with its data as JSON in the place of letters, so that it can be searched."""
    return _DATA.sub(lambda found: found[1] + packed_data(found[0] + "</script>"), page)
