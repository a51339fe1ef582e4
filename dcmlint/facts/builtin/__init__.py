"""The built-in facts; importing this package registers them."""

import dcmlint.facts.report  # noqa: F401 - importing registers them
from dcmlint.facts.builtin import (  # noqa: F401 - importing registers them
    codestream,
    dates,
    dimensions,
    encapsulation,
    endpoints,
    file_name,
    frame_columns,
    frames,
    icc,
    layout,
    measures,
    member,
    optical_path,
    orientation,
    pixels,
    places,
    senders,
    slide,
    slide_area,
    specimen,
    svs,
    tiff,
    tiling,
)
