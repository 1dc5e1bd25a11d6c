"""The commands of LaTeX that stand for one sign, and which letters have other shapes."""


def pairs(text: str) -> dict[str, str]:
    """A dictionary of the words: name, sign, name, sign."""
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


LETTERS = pairs("""
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ
iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi ϕ
varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ
Psi Ψ Omega Ω ell ℓ infty ∞ partial ∂ hbar ℏ emptyset ∅
""")
OPERATORS = pairs("""
cdot ⋅ times × div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ odot ⊙ otimes ⊗ oplus ⊕ nabla ∇
le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ equiv ≡ sim ∼ simeq ≃ approx ≈ propto ∝ ll ≪ gg ≫
in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ cup ∪ cap ∩ setminus ∖ to → rightarrow
→ leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ iff ⟺ mapsto ↦
forall ∀ exists ∃ neg ¬ land ∧ lor ∨ mid ∣ parallel ∥ perp ⟂ bot ⊥ top ⊤ dots … ldots
… cdots ⋯ vdots ⋮ ddots ⋱ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lVert ‖
rVert ‖ lvert | rvert | lt < gt > prime ′ implies ⟹ colon : vert | Vert ‖
""")
OPERATORS |= pairs("""
Longrightarrow ⟹ Longleftarrow ⟸ Longleftrightarrow ⟺ longrightarrow ⟶ longleftarrow ⟵ uparrow ↑
downarrow ↓ hookrightarrow ↪ cong ≅ asymp ≍ doteq ≐ triangleq ≜ coloneqq ≔ dagger † intercal ⊺
bullet • wedge ∧ vee ∨ oslash ⊘ ominus ⊖ lbrace { rbrace } lbrack [ rbrack ] backslash \\ nmid ∤
bmod mod
lesssim ≲ gtrsim ≳ preceq ⪯ succeq ⪰ prec ≺ succ ≻ therefore ∴ because ∵ square □ checkmark ✓
""")
LETTERS |= pairs("Re ℜ Im ℑ aleph ℵ Upsilon Υ varsigma ς varrho ϱ varpi ϖ digamma ϝ")
LARGE = pairs("sum ∑ prod ∏ int ∫ oint ∮ bigcup ⋃ bigcap ⋂")
FUNCTIONS = words("log ln exp sin cos tan tanh sinh cosh det dim ker Pr arg deg gcd tr")
LIMITS = {name: name for name in ("max", "min", "sup", "inf", "lim")} | {
    "argmax": "arg max",
    "argmin": "arg min",
    "limsup": "lim sup",
    "liminf": "lim inf",
}
SPACES = {",": 0.17, ":": 0.22, ">": 0.22, ";": 0.28, " ": 0.25, "!": -0.17, "quad": 1, "qquad": 2}
ABOVE = pairs("hat ˆ widehat ˆ bar ¯ overline ¯ tilde ~ widetilde ~ vec → dot ˙ ddot ¨ overbrace ⏞")
BELOW = pairs("underbrace ⏟ underline _")
VARIANTS = pairs(
    "mathbb double-struck mathcal script mathscr script mathfrak fraktur "
    "mathbf bold boldsymbol bold bm bold"
)
UPRIGHT = words("text mathrm operatorname textbf textit mathsf mathtt textrm mbox mathit")
SIZES = words("big Big bigg Bigg bigl bigr bigm Bigl Bigr Bigm biggl biggr Biggl Biggr")
IGNORED = words("displaystyle textstyle scriptstyle limits nolimits nonumber middle boxed")
FENCES = {"pmatrix": "()", "bmatrix": "[]", "vmatrix": "||", "cases": "{ ", "matrix": "  "}
ALIGNED = words("aligned align split")
TABLES = frozenset([*FENCES, *ALIGNED, "gathered", "gather", "array", "equation"])
# The code points of A and a in a style, and the letters that lie elsewhere.
BLOCKS = {
    "double-struck": (0x1D538, 0x1D552),
    "script": (0x1D49C, 0x1D4B6),
    "fraktur": (0x1D504, 0x1D51E),
    "bold": (0x1D400, 0x1D41A),
}
ELSEWHERE = {
    "double-struck": pairs("C ℂ H ℍ N ℕ P ℙ Q ℚ R ℝ Z ℤ"),
    "script": pairs("B ℬ E ℰ F ℱ H ℋ I ℐ L ℒ M ℳ R ℛ e ℯ g ℊ o ℴ"),
    "fraktur": pairs("C ℭ H ℌ I ℑ R ℜ Z ℨ"),
    "bold": {},
}
RELATIONS = words(
    r"= < > \le \leq \ge \geq \ne \neq \approx \propto \sim \equiv \to \rightarrow \leftarrow "
    r"\Rightarrow \iff \Leftrightarrow \in \ll \gg"
)
OPENING, CLOSING = words(r"( [ { \{ \left"), words(r") ] } \} \right")
# What a plus or minus may follow that belongs to the thing after it.
BEFORE_A_SIGN = RELATIONS | words(r", ; | \| \mid \cdot \times + - ( [ \{ \langle \quad \qquad")
BRACKETS = words("( ) [ ] { } | ‖ ⟨ ⟩ ⌊ ⌋ ⌈ ⌉")  # browsers let them grow, if they are not told
