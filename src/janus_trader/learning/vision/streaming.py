"""Streaming inference: every bar encodes one new frame and keeps the encodings of the past."""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.learning.vision.architecture import Kind, Parameters, VisionConfig
from janus_trader.learning.vision.compiled import CompiledVision, VisionOutput, blank_outputs, output_of
from janus_trader.learning.vision.kernels import gather, stream


class StreamingVision:
    """A vision model that watches ``n`` instruments bar by bar.

    A frame is normalised by its own window and temporal position is added after the spatial encoder, so
    an encoding never changes once it is made: caching it is exact, not an approximation.

    Parameters
    ----------
    config : VisionConfig
    kind : {"diffgaf_lstm", "vivit"}
    parameters : dict of arrays
    n : int
        Number of instruments, >= 1.

    Notes
    -----
    Warm-up: ``config.span`` values of an instrument's own. An absent value, or one that is not finite,
    leaves its window and its outputs as they were. Outputs equal `CompiledVision.infer` on the same windows
    to the byte. One encoding and one look per instrument and bar, in place of ``tokens`` encodings.

    Examples
    --------
    >>> from janus_trader.learning.vision.architecture import initial_parameters
    >>> config = VisionConfig(window=8, size=8, frames=2)
    >>> start = initial_parameters(config, "diffgaf_lstm", np.random.default_rng(1))
    >>> eye = StreamingVision(config, "diffgaf_lstm", start, n=1)
    >>> for value in np.linspace(0.0, 0.1, config.span):
    ...     seen = eye.update(np.array([value]))
    >>> bool(seen.ready[0]), seen.embedding.shape
    (True, (1, 32))
    """

    def __init__(self, config: VisionConfig, kind: Kind, parameters: Parameters, n: int) -> None:
        if n < 1:
            raise ConfigError("vision needs an instrument", got=n, expected="n >= 1")
        self.config, self.kind, self.n = config, kind, int(n)
        self.model = CompiledVision(config, kind, parameters)
        self.reset()

    def reset(self) -> None:
        """Forget every window; the parameters stay."""
        c, n = self.config, self.n
        self._paths = np.zeros((n, c.span))
        self._seen = np.zeros(n, np.int64)
        self._ring = np.zeros((n, c.depth, self.model.encoding_size), np.float32)
        self._out, self._embedding = blank_outputs(n, self.model.embedding_size)

    @property
    def ready(self) -> bool:
        """Whether every instrument has shown a whole video."""
        return bool((self._seen >= self.config.span).all())

    def update(self, values: np.ndarray, present: np.ndarray | None = None) -> VisionOutput:
        """Take in one log close per instrument (n,) and say what is seen now.

        Raises
        ------
        DataError
            Not one value, or one presence flag, per instrument.
        """
        values = np.asarray(values, np.float64)
        flags = np.isfinite(values) if present is None else np.isfinite(values) & present
        if values.shape != (self.n,) or flags.shape != (self.n,):
            raise DataError(
                "vision: wrong number of instruments", got=values.shape, expected=f"({self.n},) log closes"
            )
        m = self.model
        stream(
            values,
            flags,
            self._paths,
            self._seen,
            self._ring,
            m.geometry,
            m.first,
            m.second,
            m.head,
            m.work,
            m.look_work,
            m.gathered,
            self._out,
            self._embedding,
        )
        return output_of(self._out, self._embedding, self._seen >= self.config.span)

    def adopt(self, parameters: Parameters) -> None:
        """Put parameters in force, encode the frames in memory anew and look again. O(n depth) encodings."""
        self.model.adopt(parameters)
        self._encode_again()

    def follow(self, paths: np.ndarray, seen: np.ndarray) -> None:
        """Take over the windows (n, >= span) and counts (n,) of somebody who watched the same values.

        Raises
        ------
        DataError
            Fewer values than ``span``, or another number of instruments.
        """
        if paths.shape[0] != self.n or paths.shape[1] < self.config.span or seen.shape != (self.n,):
            raise DataError(
                "vision: windows do not fit", got=paths.shape, expected=str((self.n, self.config.span))
            )
        self._paths[:] = paths[:, paths.shape[1] - self.config.span :]
        self._seen[:] = seen
        self._encode_again()

    def _encode_again(self) -> None:
        c = self.config
        for i in range(self.n):
            for back in range(min(c.depth, int(self._seen[i]) - c.unit + 1)):
                stop = c.span - back
                slot = (int(self._seen[i]) - back) % c.depth
                self.model.encode_into(self._paths[i, stop - c.unit : stop], self._ring[i, slot])
            if self._seen[i] >= c.span:
                gather(self._ring[i], self._seen[i], c.tubelet * c.stride, self.model.gathered)
                self.model.look_into(self._out[i], self._embedding[i])

    def snapshot(self) -> bytes:
        """Windows, cached encodings and last outputs; the parameters are not among them."""
        return pack(
            {
                "paths": self._paths,
                "seen": self._seen,
                "ring": self._ring,
                "out": self._out,
                "embedding": self._embedding,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back; the parameters in force must be those it was taken with.

        Raises
        ------
        IntegrityError
            It was taken with other sizes.
        """
        tree = unpack(raw)
        shape = self._ring.shape
        if tree["ring"].shape != shape or tree["paths"].shape != self._paths.shape:
            raise IntegrityError(
                "vision: snapshot does not fit", got=tree["ring"].shape, expected=f"encodings {shape}"
            )
        self._paths, self._seen, self._ring = tree["paths"], tree["seen"], tree["ring"]
        self._out, self._embedding = tree["out"], tree["embedding"]
