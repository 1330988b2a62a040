"""What the tests of this folder share."""

from tests.remembering import remembered_disguises  # noqa: F401
from tests.workbench.scoped import both_sharp, cohort, soft  # noqa: F401
