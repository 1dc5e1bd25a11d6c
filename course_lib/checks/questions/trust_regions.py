"""The concept questions of lesson 08."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="surrogate_at_home",
        right="b",
        explanations={
            "a": "Only at first order. Further away the states change, and L goes on counting the "
            "old ones: in the fog it promised a gain where J had long fallen.",
            "b": "L(π) = 0, so the value is J(π). And the slopes agree: that is the policy "
            "gradient theorem, in which no derivative of the visits appears. What differs is the "
            "curvature.",
            "c": "It does leave out how the visits change, and yet its slope is right: the change "
            "of the visits meets Σ_a π(a|s) A^π(s, a), which is 0 at π' = π.",
            "d": "L minus the bound's penalty lies below J. L itself may lie above: in the fog it "
            "does, everywhere but at the old policy.",
        },
    ),
    Question(
        name="natural_step_size",
        right="c",
        explanations={
            "a": "A matter of units: put this α into ½ α² xᵀFx with x = F⁻¹g and see whether ε "
            "comes out. The 2 is right, the matrix between the two gradients is not.",
            "b": "The root has to stay: the divergence grows with the *square* of the step.",
            "c": "With x = F⁻¹g, xᵀFx = gᵀF⁻¹F F⁻¹g = gᵀF⁻¹g = gᵀx, and ½ α² gᵀx = ε gives this α. "
            "What the slide prints is the right size for another step: α g, along the *ordinary* "
            "gradient, whose divergence is ½ α² gᵀFg.",
            "d": "F is symmetric, but that does not make F and F⁻¹ alike. You will see below that "
            "the printed size misses the limit by a factor that depends on the units of θ.",
        },
    ),
    Question(
        name="half_the_units",
        right="d",
        explanations={
            "a": "The policy is the same, the *gradient* is not: ∇_η J = 2 ∇_θ J, and a step in η "
            "counts twice in θ.",
            "b": "The natural one does not notice: F_η = 4 F_θ, so F_η⁻¹ g_η = ½ F_θ⁻¹ g_θ, and a "
            "step in η counts twice in θ. The two factors cancel.",
            "c": "A factor 2 comes in twice: once because J is steeper in η, and once more because "
            "a step in η is a step twice as long in θ.",
            "d": "Ordinary: 2 from the chain rule, 2 from the way back, 4 in all. Natural: F_η = "
            "4 F_θ takes both out again. That is why one max_kl fits many problems, and one "
            "learning rate does not.",
        },
    ),
    Question(
        name="large_damping",
        right="c",
        explanations={
            "a": "It gets shorter, as 1/√damping, but at every damping it has a direction. Which?",
            "b": "The natural direction is what you get for damping → 0. Damping pulls away from "
            "it.",
            "c": "(F + λI)⁻¹g tends to g/λ: the ordinary gradient. natural_step then gives it the "
            "length √(2ε/λ), whatever g and the policy are. Remember this length: you will meet it "
            "again where F is 0 by mistake.",
            "d": "A multiple of the identity has no preferred direction, so what it multiplies "
            "keeps its own: g. It is not the noise that is left, but the gradient.",
        },
    ),
    Question(
        name="price_below_zero",
        right="a",
        explanations={
            "a": "L − λ KL with λ = −0.5 is L + 0.5 KL: every nat away from the old policy is paid "
            "for, whether it helps or not. The price of a constraint is never negative; the slide "
            "lacks max(0, …).",
            "b": "That would be λ = 0: the region is wide enough, so nothing is paid. Below 0 the "
            "KL term is still there, with another sign.",
            "c": "It would do that if λ were large and positive. Look at the sign of the KL term.",
            "d": "It comes back, but only after the policy has been driven out of the region: that "
            "is what has to happen for KL − ε to be positive again.",
        },
    ),
)
