"""Gymnasium's two interfaces over a batch of episodes: one environment, and a vector of them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from janus_trader.contracts.errors import DataError, NotReady
from janus_trader.simulation.environments.episodes import Episodes

_ONE = np.zeros(1, np.int64)
_RUNNING = np.ones(1, np.bool_)


class EpisodeEnv(gymnasium.Env):
    """One episode at a time; a `gymnasium.Env`.

    A step before `reset`, or after the episode has ended, raises `NotReady`. Observations and infos are
    new objects at every call.
    """

    def __init__(self, episodes: Episodes) -> None:
        self.episodes = episodes
        self.observation_space = episodes.observation_space
        self.action_space = episodes.action_space
        self._running = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.episodes.begin(_ONE, [self.np_random], options or {})
        self._running = True
        observation = np.empty((1, *self.episodes.observation_space.shape), np.float32)
        self.episodes.observe(_ONE, observation)
        return observation[0], self._info()

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise NotReady("no episode is running", remedy="call reset() first")
        checked = self.episodes.checked_actions(np.expand_dims(np.asarray(action), 0), _RUNNING)
        observation = np.empty((1, *self.episodes.observation_space.shape), np.float32)
        reward, terminated, truncated = np.zeros(1), np.zeros(1, np.bool_), np.zeros(1, np.bool_)
        self.episodes.advance(checked, _RUNNING, observation, reward, terminated, truncated)
        self._running = not (terminated[0] or truncated[0])
        return observation[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), self._info()

    def _info(self) -> dict[str, Any]:
        return {name: values[0].item() for name, values in self.episodes.info().items()}

    def close(self) -> None:
        self.episodes.close()


class EpisodeVectorEnv(VectorEnv):
    """Many episodes at once; a `gymnasium.vector.VectorEnv`.

    Episode ``i`` after ``reset(seed=s)`` is that of a single environment after ``reset(seed=s + i)``,
    byte for byte.

    Parameters
    ----------
    episodes : Episodes
    autoreset_mode : AutoresetMode or str
        ``NEXT_STEP`` (Gymnasium's default): the step after an episode's end ignores its action, starts a
        new one and gives reward 0. ``SAME_STEP``: the step that ends an episode starts the next one;
        the last observation and info are in ``infos["final_obs"]`` and ``infos["final_info"]``.
        ``DISABLED``: reset ended episodes yourself with ``options={"reset_mask": mask}``; a step with an
        ended one raises `NotReady`.
    copy : bool
        Whether every step returns new arrays. Without, observations and rewards are valid until the next
        call: faster where observations are large.
    """

    def __init__(
        self,
        episodes: Episodes,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        self.episodes = episodes
        self.num_envs = episodes.size
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.copy = bool(copy)
        self.single_observation_space = episodes.observation_space
        self.single_action_space = episodes.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._generators: list[np.random.Generator] = []
        self._over = np.ones(self.num_envs, np.bool_)
        self._observations = np.zeros((self.num_envs, *self.single_observation_space.shape), np.float32)
        self._rewards = np.zeros(self.num_envs)
        self._started = False

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        wishes = dict(options or {})
        mask = _checked_mask(wishes.pop("reset_mask", None), self.num_envs)
        self._seed(seed, mask)
        if self.copy:
            self._observations = self._observations.copy()  # the caller keeps the last one
        rows = np.flatnonzero(mask)
        self._begin(rows, wishes)
        self._over[rows] = False
        self._started = self._started or bool(mask.all())
        return self._observations, self._infos(mask)

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        if not self._started:
            raise NotReady("no episodes are running", remedy="call reset() first")
        anew = self._over
        if self.autoreset_mode is AutoresetMode.DISABLED and anew.any():
            raise NotReady(
                "some episodes have ended",
                got=np.flatnonzero(anew)[:5].tolist(),
                remedy='reset(options={"reset_mask": mask}) starts them anew',
            )
        running = ~anew
        checked = self.episodes.checked_actions(actions, running)
        if self.copy:
            self._observations = np.empty_like(self._observations)
            self._rewards = np.zeros(self.num_envs)
        else:
            self._rewards[:] = 0.0
        terminated, truncated = np.zeros(self.num_envs, np.bool_), np.zeros(self.num_envs, np.bool_)
        self.episodes.advance(checked, running, self._observations, self._rewards, terminated, truncated)
        self._begin(np.flatnonzero(anew), {})
        over = terminated | truncated
        infos: dict[str, Any] = {}
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            if over.any():
                infos = self._finish(over)
            over = np.zeros(self.num_envs, np.bool_)
        self._over = over
        infos.update(self._infos(np.ones(self.num_envs, np.bool_)))
        return self._observations, self._rewards, terminated, truncated, infos

    def close_extras(self, **kwargs: Any) -> None:
        """End the threads."""
        self.episodes.close()

    def _seed(self, seed: int | list[int | None] | None, mask: np.ndarray) -> None:
        seeds: list[int | None]
        if seed is None or isinstance(seed, (int, np.integer)):
            super().reset(seed=None if seed is None else int(seed))
            seeds = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
            if len(seeds) != self.num_envs:
                raise DataError("seeds do not fit", got=len(seeds), expected=f"{self.num_envs} of them")
        if not self._generators:
            self._generators = list(self.np_random.spawn(self.num_envs))
        for i in np.flatnonzero(mask).tolist():
            if seeds[i] is not None:
                self._generators[i] = seeding.np_random(seeds[i])[0]

    def _begin(self, rows: np.ndarray, options: dict[str, Any]) -> None:
        if rows.size:
            self.episodes.begin(rows, [self._generators[i] for i in rows.tolist()], options)
            self.episodes.observe(rows, self._observations)

    def _finish(self, over: np.ndarray) -> dict[str, Any]:
        """Keep the ends of the episodes marked in ``over`` and start new ones in their place."""
        rows = np.flatnonzero(over)
        final = np.full(self.num_envs, None, dtype=object)
        for i in rows.tolist():
            final[i] = self._observations[i].copy()
        ends = {"final_obs": final, "final_info": self._infos(over)}
        self._begin(rows, {})
        return {**ends, "_final_obs": over.copy(), "_final_info": over.copy()}

    def _infos(self, mask: np.ndarray) -> dict[str, Any]:
        infos: dict[str, Any] = {}
        for name, values in self.episodes.info().items():
            infos[name] = np.where(mask, values, values.dtype.type(0))
            infos[f"_{name}"] = mask.copy()
        return infos


def _checked_mask(mask: Any, size: int) -> np.ndarray:
    if mask is None:
        return np.ones(size, np.bool_)
    if not isinstance(mask, np.ndarray) or mask.shape != (size,) or mask.dtype != np.bool_ or not mask.any():
        raise DataError(
            "reset_mask is not usable", got=repr(mask)[:80], expected=f"({size},) bool array, not all False"
        )
    return mask
