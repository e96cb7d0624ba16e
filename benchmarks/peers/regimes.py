"""Peers of the hidden Markov models."""

from __future__ import annotations

import logging

import numpy as np

from janus_trader.research.bench.work import Peer


def _model(inputs, kind, **settings):
    from hmmlearn.hmm import GaussianHMM

    logging.getLogger("hmmlearn").setLevel(logging.ERROR)
    k = len(inputs["means"])
    weight = 0.0 if kind == "full" else 1.0
    model = GaussianHMM(
        k, kind, init_params="", covars_prior=0.0, covars_weight=weight, min_covar=0.0, **settings
    )
    model.startprob_, model.transmat_ = inputs["initial"].copy(), inputs["transition"].copy()
    model.means_, model.covars_ = inputs["means"].copy(), inputs["covariances"].copy()
    return model


def _em(kind, inputs):
    def call():
        model = _model(inputs, kind, n_iter=inputs["iterations"], tol=-np.inf, implementation="scaling")
        return model.fit(inputs["x"]).means_

    return call


def _filter(inputs):
    p = inputs["model"]
    named = ("initial", "transition", "means", "covariances")
    model = _model({n: getattr(p, n) for n in named}, "full", implementation="scaling")
    window = inputs["window"]

    def call():
        return model.predict_proba(window)[-1]

    return call


def _difference(ours, theirs):
    return float(np.abs(ours - theirs).max())


PEERS = (
    *(
        Peer(
            f"regimes.hmm_em.{kind}.k{k}",
            "hmmlearn",
            "hmmlearn",
            lambda inputs, kind=kind: _em("full" if kind == "full" else "diag", inputs),
            _difference,
            settings="implementation=scaling, no prior, the same starting point",
        )
        for kind in ("full", "diagonal")
        for k in (3, 7)
    ),
    *(
        Peer(
            f"regimes.hmm_filter.{side}.k{k}",
            "hmmlearn",
            "hmmlearn",
            _filter,
            _difference,
            items=1,
            settings="has no filter: predict_proba on the last 256 rows for each new row, scaling",
        )
        for side in ("py", "kernel")
        for k in (3, 7)
    ),
)
