"""The explanations of lesson 11's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="says_nothing",
        right="b",
        explanations={
            "a": "A learning rate can make anything worse; but this is where a *good* optimiser "
            "goes. Ask what each half of the bound gains.",
            "b": "Equal to the prior, the encoder pays nothing. To describe s' would pay, but only "
            "once the decoder can use it. Free nats take the price off the first few, so that both "
            "can begin.",
            "c": "The bound holds for every q. With an encoder that says nothing it is far below "
            "the truth, which is the trouble.",
            "d": "Rewards are one more thing to describe; they would *keep* information in z.",
        },
    ),
    Question(
        name="why_not_detached",
        right="b",
        explanations={
            "a": "Detached, the actor's loss has no slope but the entropy's. The silent bug below "
            "shows what that learns.",
            "b": "∇E[R] = E[R ∇log π] needs R as a number. ∇E[R] = E[∇R] needs its slope. Two "
            "forms of one gradient; mixing them gives neither.",
            "c": "The critic's parameters are not given to the actor's optimiser. It is the "
            "critic's slope in z that is used, as in DPG.",
            "d": "Detaching changes no value, only slopes.",
        },
    ),
    Question(
        name="sweet_dreams",
        right="c",
        explanations={
            "a": "Longer dreams are worse: errors grow with every step.",
            "b": "More entropy would blur what the policy has found, without telling it that it is "
            "wrong.",
            "c": "The gradient follows the model's reward wherever it leads, and among all errors "
            "optimisation picks the favourable ones. Compare promised and paid, try what was "
            "dreamed, and let the model see it.",
            "d": "The critic's *target* is detached, its slope is used on purpose. A wrong detach "
            "makes an agent that learns nothing, not one that believes in riches.",
        },
    ),
    Question(
        name="without_interaction",
        right="b",
        explanations={
            "a": "Count the axis of its learning curve: real steps, several hundred of them.",
            "b": "Learning in the dream costs no real step. The dream itself was learned from real "
            "ones, and has to be learned again where the new policy goes: a few steps, not none.",
            "c": "The critic learns from dreams as well. It is the model that needs the world.",
            "d": "The kind of latent state has nothing to do with it.",
        },
    ),
    Question(
        name="straight_through",
        right="b",
        explanations={
            "a": "Compare the numbers: neither line agrees to within the noise of 200,000 draws.",
            "b": "Backward it pretends that softmax(logits + g) was used, which is not what came "
            "out; and f's slope at one corner says little about f at the others. For all that, "
            "five of six signs are right here, from one draw and one backward pass each.",
            "c": "For a linear f the slope of f is right, but that of the draw is not: the mean "
            "slope of softmax(logits + g) is not the slope of softmax(logits).",
            "d": "The score function is unbiased and noisy; this one is biased and calm. Both are "
            "in use.",
        },
    ),
)
