"""The exercise `likelihood_ratio_gradient`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.checks.drawing import actions, normal, uniform
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.tabular_gradients import likelihood_ratio_gradient


def cases(generator: torch.Generator) -> list[Case]:
    """Few samples to read, many; as many samples as states; one sample, one state twice."""

    def batch(samples: int, states: int, kinds: int) -> dict[str, Tensor]:
        return {
            "logits": normal(generator, states, kinds),
            "state": actions(generator, states, samples),
            "action": actions(generator, kinds, samples),
            "q_value": 2 * normal(generator, samples) + 1,
            "weight": uniform(generator, 0.2, 3.0, samples),
        }

    same = batch(4, 3, 2)
    same["state"] = torch.tensor([1, 1, 1, 1])
    return [
        Case("four samples, two states, two actions", batch(4, 2, 2)),
        Case("twelve samples, four states, three actions", batch(12, 4, 3)),
        Case("as many samples as states", batch(3, 3, 3)),
        Case("a single sample", batch(1, 3, 2), EDGE),
        Case("one state, met four times", same, EDGE),
    ]


def score_of(logits, state, action) -> Tensor:
    """(n, K) ∇log π with respect to the sampled state's logits."""
    return one_hot(action, logits.shape[-1]).to(logits.dtype) - logits.softmax(-1)[state]


def collected(logits, state, contribution) -> Tensor:
    """(S, K) the contributions (n, K), added up by state."""
    return torch.zeros_like(logits).index_add(0, state, contribution)


def product(q_value, weight) -> Tensor:
    return (weight * q_value).unsqueeze(-1)


def last_sample_wins(logits, state, action, q_value, weight) -> Tensor:
    result = torch.zeros_like(logits)
    result[state] = product(q_value, weight) * score_of(logits, state, action) / len(state)
    return result


def sum_for_mean(logits, state, action, q_value, weight) -> Tensor:
    return likelihood_ratio_gradient(logits, state, action, q_value, weight) * len(state)


def divided_by_weights(logits, state, action, q_value, weight) -> Tensor:
    contribution = product(q_value, weight) * score_of(logits, state, action)
    return collected(logits, state, contribution) / weight.sum()


def divided_by_visits(logits, state, action, q_value, weight) -> Tensor:
    contribution = product(q_value, weight) * score_of(logits, state, action)
    counts = torch.bincount(state, minlength=len(logits)).clamp(min=1).unsqueeze(-1)
    return collected(logits, state, contribution) / counts


def no_weight(logits, state, action, q_value, weight) -> Tensor:
    return likelihood_ratio_gradient(logits, state, action, q_value, torch.ones_like(weight))


def no_q(logits, state, action, q_value, weight) -> Tensor:
    return likelihood_ratio_gradient(logits, state, action, torch.ones_like(weight), weight)


def taken_logit_only(logits, state, action, q_value, weight) -> Tensor:
    taken = one_hot(action, logits.shape[-1]).to(logits.dtype)
    return collected(logits, state, product(q_value, weight) * taken) / len(state)


def one_minus_pi_only(logits, state, action, q_value, weight) -> Tensor:
    taken = one_hot(action, logits.shape[-1]).to(logits.dtype)
    score = taken * (1 - logits.softmax(-1)[state])
    return collected(logits, state, product(q_value, weight) * score) / len(state)


def gradient_of_pi(logits, state, action, q_value, weight) -> Tensor:
    pi = logits.softmax(-1)[state].gather(1, action.unsqueeze(1))
    contribution = product(q_value, weight) * pi * score_of(logits, state, action)
    return collected(logits, state, contribution) / len(state)


def divided_by_pi(logits, state, action, q_value, weight) -> Tensor:
    pi = logits.softmax(-1)[state].gather(1, action.unsqueeze(1))
    contribution = product(q_value, weight) / pi * score_of(logits, state, action)
    return collected(logits, state, contribution) / len(state)


def sign_flipped(logits, state, action, q_value, weight) -> Tensor:
    return -likelihood_ratio_gradient(logits, state, action, q_value, weight)


def every_state(logits, state, action, q_value, weight) -> Tensor:
    contribution = product(q_value, weight) * score_of(logits, state, action)
    return contribution.mean(0).expand_as(logits).clone()


def one_a_sample(logits, state, action, q_value, weight) -> Tensor:
    return product(q_value, weight) * score_of(logits, state, action)


def softmax_over_states(logits, state, action, q_value, weight) -> Tensor:
    score = one_hot(action, logits.shape[-1]).to(logits.dtype) - logits.softmax(0)[state]
    return collected(logits, state, product(q_value, weight) * score) / len(state)


def products_of_means(logits, state, action, q_value, weight) -> Tensor:
    score = score_of(logits, state, action)
    return (weight * q_value).mean() * collected(logits, state, score) / len(state)


def changes_q(logits, state, action, q_value, weight) -> Tensor:
    q_value *= weight
    contribution = q_value.unsqueeze(-1) * score_of(logits, state, action)
    return collected(logits, state, contribution) / len(state)


def divided_by_states(logits, state, action, q_value, weight) -> Tensor:
    contribution = product(q_value, weight) * score_of(logits, state, action)
    return collected(logits, state, contribution) / len(logits)


def divided_by_states_met(logits, state, action, q_value, weight) -> Tensor:
    contribution = product(q_value, weight) * score_of(logits, state, action)
    return collected(logits, state, contribution) / len(state.unique())


def q_centred(logits, state, action, q_value, weight) -> Tensor:
    centred = q_value - q_value.mean()
    return likelihood_ratio_gradient(logits, state, action, centred, weight)


def against_the_uniform_policy(logits, state, action, q_value, weight) -> Tensor:
    score = score_of(torch.zeros_like(logits), state, action)
    return collected(logits, state, product(q_value, weight) * score) / len(state)


def mean_of_weights(logits, state, action, q_value, weight) -> Tensor:
    return likelihood_ratio_gradient(
        logits, state, action, q_value, weight.mean().expand_as(weight)
    )


def divided_by_state_weights(logits, state, action, q_value, weight) -> Tensor:
    contribution = product(q_value, weight) * score_of(logits, state, action)
    total = torch.zeros_like(logits[:, :1]).index_add(0, state, weight.unsqueeze(-1))
    return collected(logits, state, contribution) / total.clamp(min=1e-9)


def weight_added(logits, state, action, q_value, weight) -> Tensor:
    ones = torch.ones_like(weight)
    return likelihood_ratio_gradient(logits, state, action, q_value + weight, ones)


def by_autograd(logits, state, action, q_value, weight) -> Tensor:
    """Right: the surrogate of lesson 01, differentiated."""
    free = logits.detach().clone().requires_grad_()
    log_prob = free.log_softmax(-1)[state, action]
    return torch.autograd.grad((weight * q_value * log_prob).mean(), free)[0]


def one_by_one(logits, state, action, q_value, weight) -> Tensor:
    """Right: one sample at a time."""
    result = torch.zeros_like(logits)
    pi = logits.softmax(-1)
    for s, a, q, w in zip(state, action, q_value, weight, strict=True):
        result[s] -= w * q * pi[s]
        result[s, a] += w * q
    return result / len(state)


def with_a_matrix(logits, state, action, q_value, weight) -> Tensor:
    """Right: a one-hot matrix of states collects the scores, in float64 inside."""
    which = one_hot(state, len(logits)).double()
    weighed = (weight * q_value).double().unsqueeze(-1) * score_of(logits, state, action).double()
    return (which.mT @ weighed / len(state)).to(logits.dtype)


EXERCISE = Exercise(
    name="likelihood_ratio_gradient",
    reference=likelihood_ratio_gradient,
    cases=cases,
    statement="samples of states and actions are enough, and every one of them counts",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "last-sample-wins",
            "`result[state] = …` keeps one sample a state, the last, and throws the others away. "
            "Collect them: `index_add`, or `index_put_(…, accumulate=True)`, or a loop.",
            last_sample_wins,
        ),
        Mistake(
            "sum-for-mean", "The sum over samples is not divided by their number.", sum_for_mean
        ),
        Mistake(
            "divided-by-weights",
            "The sum is divided by the sum of the weights. That is another, biased estimator; "
            "divide by n.",
            divided_by_weights,
        ),
        Mistake(
            "divided-by-visits",
            "Each state's sum is divided by how often it was met. Then the visits no longer weigh "
            "the states; divide by n.",
            divided_by_visits,
        ),
        Mistake("no-weight", "`weight` is not used: it is 1/(1 − γ), or a ratio.", no_weight),
        Mistake(
            "no-q",
            "Q is not used, so all actions are reinforced alike, and the expectation is zero.",
            no_q,
        ),
        Mistake(
            "taken-logit-only",
            "Only the taken action's logit moves. The score is onehot(a) − π: all others go down.",
            taken_logit_only,
        ),
        Mistake(
            "one-minus-pi-only",
            "The taken action's logit has its 1 − π, and the others nothing. They have −π_k.",
            one_minus_pi_only,
        ),
        Mistake(
            "gradient-of-pi",
            "That is ∇π, the score times π. The samples are drawn from π already.",
            gradient_of_pi,
        ),
        Mistake(
            "divided-by-pi",
            "The score was divided by π once more. ∇log π = ∇π/π has done that.",
            divided_by_pi,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: that leads downhill. Here the gradient itself is wanted.",
            sign_flipped,
        ),
        Mistake(
            "every-state",
            "All states got the same gradient. A sample moves the logits of its own state.",
            every_state,
        ),
        Mistake(
            "one-a-sample",
            "One row a sample came out, (n, K). Collect them by state: (S, K).",
            one_a_sample,
        ),
        Mistake(
            "softmax-over-states",
            "The softmax runs over the states. Each row of logits is a distribution of its own.",
            softmax_over_states,
        ),
        Mistake(
            "product-of-means",
            "The mean of w Q multiplies the mean score. Multiply sample by sample.",
            products_of_means,
        ),
        Mistake(
            "divided-by-states",
            "The sum is divided by the number of states. It is a mean over samples: n.",
            divided_by_states,
        ),
        Mistake(
            "divided-by-states",
            "The sum is divided by the number of different states that were met. It is a mean over "
            "samples: n.",
            divided_by_states_met,
        ),
        Mistake(
            "q-centred",
            "The mean of Q was taken off. A baseline may lower the noise, but here the estimate "
            "with Q itself is asked for.",
            q_centred,
        ),
        Mistake(
            "against-the-uniform-policy",
            "The score is onehot(a) − 1/K, that of the uniform policy. Subtract π(·|s) of the "
            "sampled state.",
            against_the_uniform_policy,
        ),
        Mistake(
            "mean-of-weights",
            "The weights were averaged first. Each sample has its own.",
            mean_of_weights,
        ),
        Mistake(
            "divided-by-weights",
            "Each state's sum is divided by the weights that fell on it. Then the visits no longer "
            "weigh the states; divide by n.",
            divided_by_state_weights,
        ),
        Mistake(
            "weight-added",
            "The weight was added to Q. It multiplies: w · Q · ∇log π.",
            weight_added,
        ),
        Mistake("changes-q-value", IN_PLACE, changes_q),
    ),
    variants=(by_autograd, one_by_one, with_a_matrix),
)
