"""The built-in facts; importing this module registers them."""

import dcmlint.facts.report  # noqa: F401 - importing registers them
from dcmlint.facts.association import (  # noqa: F401 - importing registers them
    endpoints,
    senders,
)
from dcmlint.facts.file import (  # noqa: F401 - importing registers them
    file_name,
    layout,
    svs,
    tiff,
)
from dcmlint.facts.frame import (  # noqa: F401 - importing registers them
    dimensions,
    frame_columns,
    measures,
    optical_path,
    orientation,
    positions,
    slide_area,
    slide_coordinates,
    tiling,
)
from dcmlint.facts.header import (  # noqa: F401 - importing registers them
    dates,
    specimen,
)
from dcmlint.facts.pixel import (  # noqa: F401 - importing registers them
    codestream,
    encapsulation,
    icc,
    pixels,
    video,
)
from dcmlint.facts.run import (  # noqa: F401 - importing registers them
    kept,
    referenced,
    slide,
)
