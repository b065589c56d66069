"""PDF files written by hand."""

from __future__ import annotations

from collections.abc import Sequence


def assembled(objects: Sequence[bytes], trailer: bytes = b"") -> tuple[bytes, bytes]:
    """The numbered objects of a file, and the table of their places that ends it; the first is the catalogue."""
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out, (
        b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + b"trailer<</Root 1 0 R/Size %d%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(out))
    )
