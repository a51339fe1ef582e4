"""The functions of built-in rules; importing this package registers them."""

import dcmlint.rules.builtin_functions.annotations
import dcmlint.rules.builtin_functions.document
import dcmlint.rules.builtin_functions.presentation
import dcmlint.rules.builtin_functions.radiotherapy
import dcmlint.rules.builtin_functions.structured_report  # noqa: F401 - importing registers them
from dcmlint.rules.builtin_functions.file import (  # noqa: F401 - importing registers them
    deidentification,
    directory,
    file,
    identity,
    reference_classes,
    reference_kinds,
)
from dcmlint.rules.builtin_functions.frame import (  # noqa: F401 - importing registers them
    frame_types,
    frames,
    optical_path,
)
from dcmlint.rules.builtin_functions.header import (  # noqa: F401 - importing registers them
    codes,
    coding,
    counted_values,
    laterality,
    modality,
    numbers,
    preparation,
    vectors,
)
from dcmlint.rules.builtin_functions.pixel import (  # noqa: F401 - importing registers them
    bulk_lengths,
    code_streams,
    decoding,
    fragments,
    frame_colours,
    frame_groups,
    icc_profiles,
    lossy,
    overlays,
    pixel_attributes,
    segments,
)
from dcmlint.rules.builtin_functions.run import (  # noqa: F401 - importing registers them
    annotated,
    concatenations,
    derived,
    entities,
    presented,
    references,
    slide_levels,
    slide_privacy,
    slide_pyramid,
    slide_series,
    slide_set,
    slide_values,
)
