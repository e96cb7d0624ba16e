"""The word lists of the sentiment baseline: chosen by hand for financial headlines.

Words are given as stems in full forms; nothing is downloaded and nothing was fitted to data.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Good by themselves.
POSITIVE = _words(
    """
    beat beats beating outperform outperforms outperformed outperforming upgrade upgrades upgraded strong stronger
    strongest robust solid stellar impressive record profitable profitability success successful successfully
    breakthrough win wins winning won award awards awarded approve approves approved approval optimistic optimism
    bullish upbeat rally rallies rallied rallying rebound rebounds rebounded recover recovers recovered recovery
    boom booming thrive thrives thriving gain gains gained gaining advance advances advanced soar soars soared
    soaring surge surges surged surging jump jumps jumped climb climbs climbed rise rises rose rising growth grow
    grows grew growing expand expands expanded expansion accelerate accelerates accelerated improve improves
    improved improving improvement exceed exceeds exceeded exceeding top tops topped boost boosts boosted
    dividend buyback buybacks breakout adoption partnership partners innovative leading momentum confident confidence
    resilient favourable favorable attractive undervalued opportunity opportunities great good better best happy
    excellent outstanding overweight higher moon mooning uptrend
    """
)
#: Bad by themselves.
NEGATIVE = _words(
    """
    miss misses missed missing underperform underperforms underperformed underperforming downgrade downgrades
    downgraded weak weaker weakest weakness poor disappointing disappoint disappoints disappointed disappointment
    fail fails failed failing failure bankrupt bankruptcy insolvent insolvency default defaults defaulted fraud
    fraudulent scandal probe probes probed investigation investigations investigated lawsuit lawsuits sue sues sued
    fine fined penalty penalties recall recalls recalled breach breaches hack hacked hacks exploit theft stolen
    layoff layoffs strike strikes bearish pessimistic pessimism gloomy warn warns warned warning warnings concern
    concerns worry worries worried fear fears panic crisis crash crashes crashed crashing collapse collapses
    collapsed plunge plunges plunged plunging plummet plummets plummeted tumble tumbles tumbled slump slumps slumped
    slide slides slid sink sinks sank drop drops dropped dropping fall falls fell falling decline declines declined
    declining decrease decreases decreased shrink shrinks shrank slow slows slowed slowing slowdown recession
    downturn selloff loss losses lose loses lost losing cut cuts cutting slash slashes slashed halt halts halted
    suspend suspends suspended delay delays delayed ban bans banned overvalued risk risks risky threat threatens
    threatened trouble troubled struggle struggles struggling worst worse bad terrible awful ugly lower downtrend
    underweight dilution dump dumped dumping delist delisted delisting writedown writedowns impairment
    """
)
#: Directions: up is good and down is bad, but for what is bad itself.
UP = _words(
    """
    rise rises rose rising climb climbs climbed jump jumps jumped surge surges surged surging soar soars soared
    grow grows grew growing growth expand expands expanded widen widens widened increase increases increased
    increasing gain gains gained up higher accelerate accelerates accelerated boost boosts boosted raise raises
    raised raising hike hikes hiked lift lifts lifted swell swells swelled mount mounts mounting
    """
)
DOWN = _words(
    """
    fall falls fell falling drop drops dropped dropping decline declines declined declining decrease decreases
    decreased narrow narrows narrowed shrink shrinks shrank ease eases eased easing slow slows slowed slowing lower
    lowers lowered down cut cuts cutting slash slashes slashed reduce reduces reduced reducing trim trims trimmed
    halve halves halved plunge plunges plunged tumble tumbles tumbled slump slumps slumped
    """
)
#: What is better the less there is of it.
BURDENS = _words(
    """
    loss losses cost costs expense expenses debt debts unemployment jobless joblessness claims inflation deficit
    deficits defaults delinquencies bankruptcies layoffs complaints churn liabilities fraud risk risks tariffs tariff
    rates taxes tax shortfall outflows redemptions foreclosures volatility
    """
)
#: Turn what follows into its opposite.
NEGATIONS = _words(
    """
    not no never none neither nor without cannot cant dont doesnt didnt isnt wasnt arent werent wont wouldnt
    couldnt shouldnt hasnt havent hadnt hardly barely denies denied deny lacks lack avoids avoided avoid
    """
)
#: Bad themselves, and turn what follows: "fails to win".
FAILURES = _words("fail fails failed failing struggles struggled unable")
STRONGER = _words(
    """
    very sharply strongly significantly substantially hugely massively dramatically extremely steeply heavily deeply
    highly record biggest largest much far soaring massive huge severe severely
    """
)
WEAKER = _words(
    "slightly somewhat modestly marginally mildly partly little bit slight modest mild relatively"
)
