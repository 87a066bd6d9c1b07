"""Writes goldens.json: what SciPy, statsmodels and NumPy say, for tests/parity/test_statistics.c.

    python3 tests/parity/statistics/make_goldens.py   (scipy 1.17, statsmodels 0.15, numpy)

Values are made from a fixed seed; every case holds its own input."""
import json
import os

import numpy as np
import scipy.special
import scipy.stats as st
import statsmodels.api as sm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20240607)
out = {}

out["beta"] = [[a, b, x, float(scipy.special.betainc(a, b, x))]
               for a in (0.5, 1, 2.5, 40, 900) for b in (0.5, 1, 7, 300) for x in (1e-6, 0.03, 0.4, 0.75, 0.999)]
out["binomial"] = [[k, n, p, float(st.binom.cdf(k, n, p))]
                   for n in (1, 7, 200, 16000) for k in sorted({0, n // 200, n // 20, n // 2, n - 1}) for p in (0.001, 0.01, 0.05, 0.5, 0.9)]
out["normal"] = [[p, float(st.norm.ppf(p))] for p in (1e-6, 0.01, 0.025, 0.3, 0.5, 0.8, 0.975, 0.9999)]
out["student"] = [[p, df, float(st.t.ppf(p, df))] for p in (0.6, 0.9, 0.975, 0.9995)
                  for df in (1, 2, 3, 9, 30, 199, 1000, 1001, 1500, 15999, 1000000)]
out["two_sided"] = [[t, df, float(2 * st.t.sf(abs(t), df))] for t in (0.0, 0.3, 1.96, -4.5, 12.0) for df in (1, 4, 99, 2500)]

out["wilson"] = []
for k, n in ((0, 1), (1, 1), (0, 250), (250, 250), (2, 250), (95, 250), (149, 250), (16, 250), (21, 250), (1, 16000), (8, 16000), (7999, 16000)):
    low, high = proportion_confint(k, n, alpha=0.05, method="wilson")
    out["wilson"].append([k, n, float(low), float(high)])

out["mean"], out["clustered"] = [], []
for n in (2, 3, 10, 250, 1200):
    values = rng.normal(0.3, 1.0, n)
    low, high = st.t.interval(0.95, n - 1, loc=values.mean(), scale=st.sem(values))
    out["mean"].append({"values": values.tolist(), "mean": float(values.mean()), "low": float(low), "high": float(high),
                        "p": float(st.ttest_1samp(values, 0).pvalue)})
for n, groups in ((6, 2), (10, 3), (250, 10), (600, 200)):
    cluster = np.concatenate([np.arange(groups), rng.integers(0, groups, n - groups)])
    values = rng.normal(0, 1, n) + rng.normal(0, 0.7, groups)[cluster]
    fit = sm.OLS(values, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": True, "df_correction": True}, use_t=True)
    low, high = fit.conf_int(0.05)[0]
    # statsmodels' correction is G/(G-1) (n-1)/(n-k), which for a mean (k = 1) is G/(G-1).
    out["clustered"].append({"values": values.tolist(), "clusters": cluster.tolist(), "count": groups, "mean": float(fit.params[0]),
                             "se": float(fit.bse[0]), "low": float(low), "high": float(high), "p": float(fit.pvalues[0])})


def order_interval(values, p):
    """The closest ranks with at most 2.5 % outside on either side, by looking at every rank."""
    n = len(values)
    lows = [rank for rank in range(1, n + 1) if st.binom.cdf(rank - 1, n, p) <= 0.025]
    highs = [rank for rank in range(1, n + 1) if st.binom.sf(rank - 1, n, p) <= 0.025]
    if not lows or not highs:
        return None
    return [float(values[max(lows) - 1]), float(values[min(highs) - 1])]


out["quantile"] = []
for n in (1, 2, 5, 71, 72, 367, 368, 900):
    values = np.sort(rng.normal(0, 1, n))
    out["quantile"].append({"sorted": values.tolist(), "quantiles": [
        {"p": p, "value": float(np.quantile(values, p)), "interval": order_interval(values, p)} for p in (0.001, 0.01, 0.05, 0.5, 0.75)],
        "worst": [[q, float(values[:max(1, int(np.floor(n * q)))].mean())] for q in (0.01, 0.05)]})

out["mcnemar"] = [[b, c, float(mcnemar([[10, b], [c, 10]], exact=True).pvalue)] for b, c in ((0, 1), (1, 1), (3, 9), (12, 70), (0, 166), (40, 41))]
out["holm"] = []
for p in ([0.01], [0.04, 0.01, 0.03], [0.5, 0.5, 0.001, 0.02], [1.0, 0.9], rng.uniform(0, 0.1, 12).tolist()):
    out["holm"].append({"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()})

out["agreement"] = []
for table in ([[690, 3, 10, 2], [10, 511, 33, 0], [20, 23, 48, 0], [0, 0, 0, 0]], [[5, 0, 0, 1], [0, 3, 1, 0], [2, 0, 0, 0], [1, 0, 1, 7]]):
    counts = np.array(table)
    refusal = [1, 2]  # compliance, full, partial, capability
    other = [0, 3]
    sensitivity = counts[np.ix_(refusal, refusal)].sum() / counts[refusal].sum()
    specificity = counts[np.ix_(other, other)].sum() / counts[other].sum()
    rate = counts[:, refusal].sum() / counts.sum()
    out["agreement"].append({"counts": table, "sensitivity": float(sensitivity), "specificity": float(specificity),
                             "kappa": float(cohens_kappa(counts).kappa), "rate": float(rate),
                             "corrected": float(np.clip((rate + specificity - 1) / (sensitivity + specificity - 1), 0, 1))})

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens.json")
with open(path, "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
