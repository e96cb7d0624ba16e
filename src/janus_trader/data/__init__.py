"""Data: sources become panels, bad rows are counted, panels become features.

``sources.default_book.load_default_book`` and ``sources.files.load_files`` deliver a `MarketPanel`;
``quality.check_files`` reports on files; ``panels`` cuts panels; ``features.FeatureEngine`` turns bars
into a `FeatureVector`, by the same code offline and live. Nothing is imported here, so that loading
the packaged book stays quick.
"""

import janus_trader.numerics  # noqa: F401  (its kernel cache serves the compiled functions here)
