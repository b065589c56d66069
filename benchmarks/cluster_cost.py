"""What a billion passages cost: computed from measured rates, and written into docs/how-to/cluster.md.

    python benchmarks/cluster_cost.py            write the table
    python benchmarks/cluster_cost.py --check    say whether it is up to date

The rates are in benchmarks/results/cluster_rates.json, as they were measured, with machine and date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RATES = ROOT / "benchmarks" / "results" / "cluster_rates.json"
PAGE = ROOT / "docs" / "how-to" / "cluster.md"
BEGIN, END = "<!-- computed: benchmarks/cluster_cost.py -->\n", "<!-- end -->\n"
PASSAGES = 1_000_000_000


def table(rates: dict[str, Any]) -> str:
    """Return the table as Markdown: core hours, days on one core, hours on 64 cores, money, gigabytes read."""
    price = rates["price_per_core_hour"]
    lines = [
        f"Computed, not measured, for {PASSAGES:,} passages of {rates['bytes_a_passage']} bytes from rates measured on",
        f"{rates['machine']} ({rates['measured']}), at {price:g} {rates['currency']} a core hour:",
        "",
        "| way | passages a core second | core hours | one core, days | 64 cores, hours | cost |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for way, rate in rates["passages_per_core_second"].items():
        hours = PASSAGES / rate / 3600
        cells = (f"{rate:,.0f}", f"{hours:,.1f}", f"{hours / 24:.1f}", f"{hours / 64:.1f}")
        lines.append(f"| {way} | {' | '.join(cells)} | {hours * price:,.2f} {rates['currency']} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table into the page, or check it."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    new = before + BEGIN + "\n" + table(json.loads(RATES.read_text(encoding="utf-8"))) + "\n" + END + after
    if "--check" in sys.argv:
        print("up to date" if new == page else "docs/how-to/cluster.md is stale: run python benchmarks/cluster_cost.py")
        return int(new != page)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
