"""The concept questions of lesson 05."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="one_negative_error",
        right="b",
        explanations={
            "a": "One error cannot say that. The push may have been right and the wind blew the "
            "other way: δ mixes what the action did with what the world did. Only its mean over "
            "the next states is the advantage.",
            "b": "δ is a sample. E[δ | s, a] = A(s, a), but a single one also carries the luck of "
            "this one step; many of them, averaged by many small gradient steps, tell.",
            "c": "The critic was said to be exact. An exact V is an expectation: single steps fall "
            "below it and above it all the time, and no correction is due.",
            "d": "A negative δ is as ordinary as a positive one: under the policy their mean is 0 "
            "if V is exact. Nothing has to end for that.",
        },
    ),
    Question(
        name="bootstrapped_target",
        right="d",
        explanations={
            "a": "The reward is where it belongs: r_{t+1} follows a_t, and the step from s_t to "
            "s_{t+1} is what the target looks at. Ask where the *rest* of the future begins.",
            "b": "⊥ means stop-gradient, and it is right there: without it the target would run "
            "after the guess. Look at what stands inside.",
            "c": "G_t would be the other target, on the line above on that slide: without bias and "
            "noisy. This line is meant to bootstrap. Ask from which state.",
            "d": "The rest of the future begins in s_{t+1}. With V(s_t) in the target, the fixed "
            "point is V(s) = r̄(s)/(1 − γ), as if the state never changed. The line lacks a ∇ as "
            "well: you step along the gradient of the squared error, not along the error.",
        },
    ),
    Question(
        name="why_detach",
        right="a",
        explanations={
            "a": "To autograd, Â is a function of the critic's parameters, so −mean(Â log π) has a "
            "slope in them: it moves V to make the product small, which has nothing to do with "
            "predicting returns. And the policy gradient theorem treats Â as a weight.",
            "b": "Detaching does save a little work, but leaving it out would change the result, "
            "not only the time: look at which parameters would get a gradient.",
            "c": "It can: Â is made of sums and products of the critic's outputs, and autograd "
            "follows them without complaint. That is why nothing warns you.",
            "d": "Detaching changes no value and scales nothing; the numbers of Â stay as they "
            "are. Scaling is what `normalize_advantage` does.",
        },
    ),
    Question(
        name="a2c_target",
        right="c",
        explanations={
            "a": "The exponent of the bootstrap is right now, but the sum still runs to j = n and "
            "asks for r_{i+n+1}: the rollout's last reward is r_n. Rewards after s_n are inside "
            "V(s_n) already.",
            "b": "The sum stops at r_n, as it should. But V(s_n) lies n − i steps after s_i, so "
            "the exponent has to depend on i: only q_0 may use γⁿ.",
            "c": "From s_i there are n − i steps to the end of the rollout: rewards r_{i+1} … r_n, "
            "then V(s_n) at distance n − i. For i = n − 1 that is r_n + γV(s_n), one step. (The "
            "slide slips once more: φ ← φ + α₂∇L climbs the critic's loss; it needs a minus.)",
            "d": "One γ too few on the bootstrap: the last reward r_n has weight γ^(n−i−1), and "
            "s_n comes after it. Try i = n − 1: it would give r_n + V(s_n).",
        },
    ),
    Question(
        name="which_lambda",
        right="c",
        explanations={
            "a": "λ = 0 has the least variance, but it believes a critic that knows nothing: its "
            "mistakes enter the advantage in full. You saw the bias in the picture.",
            "b": "With an exact V every λ has the same mean. With a wrong one only λ = 1, over a "
            "whole episode, is free of its mistakes; the variance differs in both cases.",
            "c": "A fresh critic is wrong everywhere, so lean on rewards: the weight of its errors "
            "falls as λ grows. Once it is good, a smaller λ gets rid of noise and costs little.",
            "d": "γ says what is *wanted*: how much later rewards count. λ says how far an "
            "*estimate* trusts the critic. Making γ smaller changes the problem.",
        },
    ),
    Question(
        name="entropy_of_the_sample",
        right="a",
        explanations={
            "a": "The value of −log π(a) is right on average; its gradient is not. E_π[∇ log π]=0 "
            "for every policy, so on average nothing pushes. The entropy's gradient also has to "
            "ask how often each action is taken: −Σ_a ∇(π log π).",
            "b": "Its mean is the entropy indeed, and so its *value* makes a fine plot. But what "
            "trains is the gradient, and the mean of the gradient is not the gradient of the mean "
            "when the actions are drawn from the policy itself.",
            "c": "The single gradients are noisy, and can point either way. Averaged over the "
            "policy's own actions they cancel exactly: no push towards collapse either.",
            "d": "log π(a) is finite for an action that was sampled, and log_softmax keeps it so. "
            "The trouble is the gradient's mean.",
        },
    ),
)
