"""What the tests of this folder share."""

from tests.remembering import remembered_disguises  # noqa: F401
