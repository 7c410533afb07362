"""The estimator of language models in plain Python: dictionaries of tuples of words."""

from __future__ import annotations

from collections import Counter, defaultdict

UNKNOWN, BEGIN, END = 0, 1, 2
FALLBACK = (0.5, 1.0, 1.5)


def adjusted_counts(sentences, order, words):
    """One dictionary an order: n-gram to count."""
    real = [Counter() for _ in range(order + 1)]
    for sentence in sentences:
        padded = [BEGIN, *sentence, END]
        for k in range(1, order + 1):
            real[k].update(tuple(padded[i : i + k]) for i in range(len(padded) - k + 1))
    counts = [{} for _ in range(order + 1)]
    counts[order] = dict(real[order])
    for k in range(1, order):
        lefts = defaultdict(set)
        for gram in real[k + 1]:
            lefts[gram[1:]].add(gram[0])
        counts[k] = {
            gram: times if gram[0] == BEGIN else len(lefts[gram]) for gram, times in real[k].items()
        }
    # A sentence of fewer words than the order has only n-grams that begin with <s> at full length.
    counts[1] = {(word,): counts[1].get((word,), 0) for word in range(words)}
    counts[1][(BEGIN,)] = 0
    return counts


def discounts(counts):
    """Three amounts and whether they had to be the fixed ones."""
    n = Counter(counts.values())
    if n[1] and n[2] and n[3]:
        share = n[1] / (n[1] + 2 * n[2])
        amounts = tuple(j - (j + 1) * share * n[j + 1] / n[j] for j in (1, 2, 3))
        if all(0 <= amount <= j for j, amount in enumerate(amounts, 1)):
            return amounts, False
    return FALLBACK, True


def estimate(sentences, order, words):
    """Per order: n-gram to (probability, weight of what is shorter after it or None)."""
    counts = adjusted_counts(sentences, order, words)
    probabilities = [{(): 1 / (words - 1)}]
    weights = [{}]
    amounts = []
    for k in range(1, order + 1):
        taken, _ = discounts(counts[k])
        amounts.append(taken)
        total, left = Counter(), Counter()
        for gram, count in counts[k].items():
            total[gram[:-1]] += count
            left[gram[:-1]] += (0, *taken)[min(count, 3)]
        probabilities.append({})
        weights.append({context: left[context] / total[context] for context in total})
        for gram, count in counts[k].items():
            context = gram[:-1]
            own = (count - (0, *taken)[min(count, 3)]) / total[context]
            shorter = probabilities[k - 1][gram[1:]]
            probabilities[k][gram] = own + weights[k][context] * shorter
    probabilities[1][(BEGIN,)] = 1.0
    return [
        {
            gram: (p, weights[k + 1].get(gram) if k < order else None)
            for gram, p in probabilities[k].items()
        }
        for k in range(1, order + 1)
    ], amounts
