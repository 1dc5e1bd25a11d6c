"""The instructor's side of the course: building, releasing, grading; and the command `course`."""

import sys

# jsonschema, which nbformat brings along, would compile 38 grammars for international web addresses
# with it. That takes longer than all else it does, and no notebook is checked for such addresses.
sys.modules.setdefault("rfc3987_syntax", None)
