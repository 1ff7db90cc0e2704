#!/usr/bin/env python3
"""Writes src/styles/fonts/ from the packages @fontsource-variable/*, which hold more than the console draws.

Kept are the weights 400 to 700 and the features that the styles ask for; contextual alternates, which are half of the
monospaced font, are turned off there (`no-contextual`). Needs fontTools and brotli (`pip install fonttools brotli`).
Run it after an update of the packages; what it writes is committed.
"""

from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

console = Path(__file__).resolve().parent.parent
fonts = {
    "inter": "inter/files/inter-latin-wght-normal.woff2",
    "jetbrains-mono": "jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
}
out = console / "src/styles/fonts"
out.mkdir(exist_ok=True)
for name, source in fonts.items():
    font = TTFont(console / "node_modules/@fontsource-variable" / source)
    # The time of writing would make every run another file.
    font.recalcTimestamp = False
    narrow = BytesIO()
    instancer.instantiateVariableFont(font, {"wght": (400, 700)}).save(narrow)
    font = TTFont(narrow, recalcTimestamp=False)
    options = subset.Options()
    options.layout_features = ["ccmp", "kern", "locl", "mark", "mkmk", "tnum"]
    options.flavor = "woff2"
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=font.getBestCmap())
    subsetter.subset(font)
    file = out / f"{name}.woff2"
    subset.save_font(font, file, options)
    print(f"{file.stat().st_size:6} bytes  {file.relative_to(console)}")
