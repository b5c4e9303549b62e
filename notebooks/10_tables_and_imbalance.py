# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Tables: the rare class, and whether made-up rows help to find it
#
# In most real tables what matters is rare: the fraud, the disease, the customer who says yes. The usual advice is to *balance* the
# table, by copying rare rows, by interpolating between them (SMOTE, [Chawla et al. 2002](https://arxiv.org/abs/1106.1813)) or by
# generating new ones. This notebook tries all of it on a real table, beginning with what goes wrong when one measures carelessly. It
# takes about three minutes on two cores.

# %% tags=["parameters"] small="steps, sampling_steps, max_rows = 2, 2, 1200"
steps, sampling_steps, max_rows = 1000, 32, 20_000

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_recall_curve

from gen_ai_examples.common.methods.oversampling import smote, smote_nc
from gen_ai_examples.common.methods.row_flow import RowFlow
from gen_ai_examples.common.metrics.image import memorisation
from gen_ai_examples.common.metrics.tabular import column_fidelity, score_classifier, told_apart
from gen_ai_examples.common.sources import tabular
from gen_ai_examples.common.sources.tabular import TableEncoder

table = tabular.bank_marketing()
table = table.one_against_rest(table.rare)
table, _ = table.split(1 - max_rows / len(table))
train, held_out = table.split()
print(f"{len(train):,} calls of a bank to learn from, {len(held_out):,} held out")
print(f"{np.mean(train.labels == 1):.1%} of them ended with a yes\n")
print(train.take(slice(5)).text())

# %% [markdown]
# ## Accuracy is no measure here
#
# Whoever always says "no" is right nearly nine times in ten. A classifier with that accuracy may have learned nothing:

# %%
encoder = TableEncoder(train)
known, unseen = encoder.encode(train), encoder.encode(held_out)
classifier = LogisticRegression(max_iter=1000).fit(known, train.labels)
print(f"always no:           accuracy {np.mean(held_out.labels == 0):.3f}")
print(
    f"logistic regression: accuracy {accuracy_score(held_out.labels, classifier.predict(unseen)):.3f}"
)

# %% [markdown]
# What counts is how many of the rare rows are found (*recall*) and how many of those reported are right (*precision*); *F1* is
# the harmonic mean of both at one threshold. A classifier gives a probability, and every threshold on it is another compromise.
# The curve shows them all, and the area under it, the **average precision**, is one number that does not depend on a threshold. A
# guess has the share of the rare class.

# %%
average, probabilities = score_classifier(
    LogisticRegression(max_iter=1000), encoder, train, held_out, 1
)
precision, recall, _ = precision_recall_curve(held_out.labels, probabilities)
plt.figure(figsize=(5, 3))
plt.plot(recall, precision, label=f"logistic regression: {average:.3f}")
plt.axhline(np.mean(held_out.labels == 1), color="gray", linestyle="--", label="a guess")
plt.xlabel("recall")
plt.ylabel("precision")
plt.ylim(0, 1)
plt.legend()
plt.show()

# %% [markdown]
# ## A mistake that looks like a triumph
#
# Balance first, split afterwards: then a copy of a training row can lie on the other side, and the classifier is tested on what it
# has learned. A classifier that knows rows by heart shows it best, here the nearest neighbour:

# %%
from sklearn.neighbors import KNeighborsClassifier

rng = np.random.default_rng(0)
nearest = KNeighborsClassifier(1)
rare = table.take(table.labels == 1)
copies = rare.take(rng.integers(0, len(rare), len(table) - 2 * len(rare)))
balanced_train, balanced_test = table.join(copies).split()
honest = f1_score(held_out.labels, nearest.fit(known, train.labels).predict(unseen))
nearest.fit(encoder.encode(balanced_train), balanced_train.labels)
leaked = f1_score(balanced_test.labels, nearest.predict(encoder.encode(balanced_test)))
print(f"split first:    F1 {honest:.2f}")
print(f"balanced first: F1 {leaked:.2f}")

# %% [markdown]
# The second number is worth nothing: the test holds copies of training rows, and is balanced, as the world is not. Everything below
# splits first, and is tested on real rows in their real proportions.
#
# ## Three ways to make rare rows
#
# SMOTE draws a point on the line between a rare row and one of its neighbours. Between one-hot codes lies half of one category
# and half of another, which `smote` rounds to the nearer end; SMOTENC takes the category that most of the neighbours have. And a
# generator learns the whole table: here flow matching (notebook 05), on encoded rows and under their class.

# %%
flow = RowFlow(train, seed=0)
flow.fit(steps, 256, 2e-3)
rare = train.take(train.labels == 1)
missing = len(train) - 2 * len(rare)  # rows until both classes are equal
added = {
    "copies": rare.take(rng.integers(0, len(rare), missing)),
    "SMOTE": smote(train, 1, missing, encoder, 0),
    "SMOTENC": smote_nc(train, 1, missing, 0),
    "generated": flow.sample(np.ones(missing, int), rng, sampling_steps),
}
print("generated rows that say yes\n")
print(added["generated"].take(slice(5)).text())

# %% [markdown]
# Are they any good? Ask a classifier to tell them from real held-out rows (0.5: it cannot; 1: always), and look whether they are
# nearer to training rows than real ones are (0: no more often than chance; 1: every one of them).

# %%
unseen_rare = held_out.take(held_out.labels == 1)
for name, rows in added.items():
    some = rows.take(rng.permutation(len(rows))[: len(unseen_rare)])
    some = encoder.decode(encoder.encode(some), some.labels)
    columns = np.mean(list(column_fidelity(unseen_rare, some).values()))
    copied = memorisation(*(encoder.encode(its) for its in (rare, some, unseen_rare)))
    print(
        f"{name:<10} columns alike {columns:.2f}   told apart {told_apart(unseen_rare, some):.2f}"
        f"   copies {copied:.2f}"
    )

# %% [markdown]
# What passes for real best, copies and SMOTE, does so because it is all but the training rows. SMOTENC's rows are the easiest to
# tell apart. What the flow makes is new, and easier to tell apart than SMOTE's.
#
# ## Vary one thing: what is added to the training rows
#
# The same classifier, the same held-out rows.

# %%
scores = {"nothing": average}
thresholded = {"nothing": f1_score(held_out.labels, probabilities > 0.5)}
for name, rows in added.items():
    scores[name], chances = score_classifier(
        LogisticRegression(max_iter=1000), encoder, train.join(rows), held_out, 1
    )
    thresholded[name] = f1_score(held_out.labels, chances > 0.5)
fig, panels = plt.subplots(1, 2, figsize=(9, 2.6), layout="constrained")
for axes, (title, values) in zip(
    panels, {"average precision": scores, "F1 at threshold 0.5": thresholded}.items(), strict=True
):
    bars = axes.barh(list(values)[::-1], list(values.values())[::-1])
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.set(title=title, xlim=(0, 1.2 * max(values.values())))
plt.show()

# %% [markdown]
# On the right every way of adding rows helps, which is what most tutorials show. On the left, where no threshold is involved, it hardly
# matters or does harm. Both are true: added rows raise all probabilities, so that more of them pass 0.5. Moving the threshold does the
# same and costs nothing, as exercise 1 shows. Rows that are made from the table tell a classifier nothing that is not in the table.
#
# What are generated rows good for, then? For tables that may not be given away, with the caution that looking new is no proof of
# privacy; `tabular.minority_generation` measures both, and repeats all of this with a hundred rare rows and with gradient boosting.
#
# ## Exercises
#
# 1. Choose the threshold on a part of the training rows, for the classifier with *nothing* added. What F1 does it reach on the held-out
#    rows, beside the bars on the right?
# 2. Instead of adding rows, weigh them: `LogisticRegression(class_weight="balanced")`. Which of the ways above does it resemble?
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. Never on the held-out rows, or they are none.
fit_on, choose_on = train.split()
_, chances = score_classifier(LogisticRegression(max_iter=1000), encoder, fit_on, choose_on, 1)
precision, recall, thresholds = precision_recall_curve(choose_on.labels, chances)
f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
threshold = thresholds[f1[:-1].argmax()]
print(f"threshold {threshold:.2f}: F1 {f1_score(held_out.labels, probabilities > threshold):.3f}")
print("at 0.5:", *(f"{name} {value:.3f}" for name, value in thresholded.items()))

# %% jupyter={"source_hidden": true}
# Solution 2. Copies: to count a row eight times is to have it eight times.
weighted, chances = score_classifier(
    LogisticRegression(max_iter=1000, class_weight="balanced"), encoder, train, held_out, 1
)
print(f"average precision {weighted:.3f}, F1 {f1_score(held_out.labels, chances > 0.5):.3f}")
