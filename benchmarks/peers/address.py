"""Province, city and district of addresses by jionlp, cpca and addressparser; run with the Python of an environment that has them.

Reads a JSON list of addresses on standard input, prints {peer: [[province, city, district], ...]}.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    import addressparser  # type: ignore[import-not-found]
    import cpca  # type: ignore[import-not-found]
    import jionlp  # type: ignore[import-not-found]

    texts = json.load(sys.stdin)
    found = {}
    parsed = [jionlp.parse_location(text) for text in texts]
    found["jionlp"] = [[p[k] or "" for k in ("province", "city", "county")] for p in parsed]
    for name, module in (("cpca", cpca), ("addressparser", addressparser)):
        table = module.transform(texts)
        found[name] = [[str(v) if isinstance(v, str) else "" for v in row] for row in table[["省", "市", "区"]].values]
    json.dump(found, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
