"""How a page looks: whether it can be read, and whether there is anything to see."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from rota import web

# Every text whose contrast with what lies behind it is below what WCAG AA asks for.
TOO_FAINT = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const known = new Map();
  const rgba = (colour) => {
    if (known.has(colour)) return known.get(colour);
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    known.set(colour, [...canvas.getImageData(0, 0, 1, 1).data]);
    return known.get(colour);
  };
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (one) => {
    for (let e = one; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  for (const one of document.querySelectorAll("body *:not(svg *)")) {
    const own = [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !one.checkVisibility()) continue;
    const style = getComputedStyle(one);
    const [a, b] = [light(rgba(style.color)), light(behind(one))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (contrast < (large ? 3 : 4.5)) faint.push([one.innerText.slice(0, 40), contrast]);
  }
  return faint;
})()
"""

# What makes the page wider than the window: each such element, but what lies within others.
TOO_WIDE = """
(() => {
  const {scrollWidth, clientWidth} = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = (one) => one.getBoundingClientRect().right > clientWidth + 1;
  const deepest = (one) => ![...one.children].some(wide);
  return [`${scrollWidth} of ${clientWidth}`, ...[...document.querySelectorAll("body *:not(svg *)")]
    .filter((one) => wide(one) && deepest(one)).map((one) => one.outerHTML.slice(0, 200))];
})()
"""

# What holds more than it shows and does not say so: by an ellipsis, or as code and the picture of a
# chain do by scrolling.
CUT = """
[...document.querySelectorAll("body *:not(svg *)")].filter((one) => {
  const style = getComputedStyle(one);
  const {clientWidth, scrollWidth} = one;
  return clientWidth > 1 && scrollWidth > clientWidth + 1 && style.overflowX !== "visible"
    && style.textOverflow !== "ellipsis" && one.checkVisibility()
    && !one.matches("pre, .log, .source, .unseen, input, select, option, [data-plot] *")
    && !one.matches(":has(> svg.chain)");
}).map((one) => `${one.scrollWidth} of ${one.clientWidth}: ${one.outerHTML.slice(0, 200)}`)
"""


# Gives every time of day and every duration the longest text that it can have.
LONGEST_TIMES = r"""
document.querySelectorAll("td, td span").forEach((one) => {
  if (!one.children.length && /^\d+(\.\d)? (ms|s|min|h|d)( \d+ \w+)?$/.test(one.textContent)) {
    delete one.dataset.since;
    delete one.dataset.until;
    one.textContent = "23 h 59 min";
  }
});
document.querySelectorAll("time").forEach((one) => {
  if (/^(\d+\s\w{3}(\s\d{4})? )?\d\d:\d\d(:\d\d)?$/.test(one.textContent)) {
    one.textContent = "28\u00a0Nov\u00a02025 20:48";
  }
})
"""


def widths() -> list[int]:
    """Return widths of a window, from a small telephone's on: the narrowest and the widest of each
    layout that the stylesheets have."""
    found = {320, 1600}
    for sheet in (Path(web.__file__).parent / "static").glob("*.css"):
        for end, number in re.findall(r"(max|min)-width: ?(\d+)px", sheet.read_text("utf-8")):
            widest = int(number) - (end == "min")
            found |= {widest, widest + 1}
    return sorted(width for width in found if 320 <= width <= 1600)


def colours(png: bytes) -> set[int]:
    """Return a good part of the bytes that a picture is made of: a blank one has few."""
    data, place = b"", 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + size]
        place += 12 + size
    return set(zlib.decompress(data))
