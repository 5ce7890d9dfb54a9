"""A few images side by side as one drawing, each as large as it can be seen, with a word under it."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .html import escaped

Array = np.ndarray[Any, Any]

SIDE = 64
"""How wide an image is drawn, in CSS pixels."""
GAP = 12


def thumbnails(images: Sequence[Array], words: Sequence[str], title: str) -> str:
    """The images as SVG text, on a light panel of its own.

    Args:
        images: (C, H, W) each, numbers from 0 to 1; of one channel 1 is ink, of three they are colours.
        words: what stands under each.
        title: what it shows, for those who do not see it.
    """
    height = round(SIDE * images[0].shape[1] / images[0].shape[2])
    width, total = GAP + len(images) * (SIDE + GAP), height + 2 * GAP + 18
    items: list[str] = []
    for place, (image, word) in enumerate(zip(images, words, strict=True)):
        x = GAP + place * (SIDE + GAP)
        data = base64.b64encode(png(image)).decode("ascii")
        items.append(
            f'<image x="{x}" y="{GAP}" width="{SIDE}" height="{height}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
            f'<text x="{x + SIDE / 2:g}" y="{height + GAP + 18}">{escaped(word)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}" '
        f'style="max-width:100%;height:auto" role="img" aria-label="{escaped(title)}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#1f2a30" text-anchor="middle">'
        f'<rect width="{width}" height="{total}" rx="8" fill="#ffffff"/>{"".join(items)}</svg>'
    )


def png(image: Array) -> bytes:
    """An image (C, H, W) of numbers from 0 to 1 as a PNG file; of one channel, 1 is black."""
    colour = image.shape[0] == 3
    numbers = np.clip(np.nan_to_num(np.asarray(image, np.float64)), 0, 1)
    numbers = numbers.transpose(1, 2, 0) if colour else 1 - numbers[0]
    rows = np.round(255 * numbers).astype(np.uint8)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)  # every line is stored as it is
    header = struct.pack(">IIBBBBB", image.shape[2], image.shape[1], 8, 2 if colour else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
